package claims

import "github.com/gocollapse/collapse/experiments"

// Need is a kind of evidence: a kind of runs, or closed forms.
type Need string

// Kinds of evidence.
const (
	Pairs       = Need(experiments.Pairs)
	Pairs100    = Need(experiments.Pairs100)
	PairsSTL    = Need(experiments.PairsSTL)
	PairsTiny   = Need(experiments.PairsTiny)
	Sweep       = Need(experiments.Sweep)
	Sweep100    = Need(experiments.Sweep100)
	UFMSweep    = Need(experiments.UFMSweep)
	ClosedForms = Need("closed form")
)

// Answers that several claims share on whether a reduced scale decides them.
const (
	decidableHere = "yes"
	partlyOnly    = "partly"
)

// pairsOfAll are the runs of Figure 1 on every data set of the paper.
var pairsOfAll = []Need{Pairs, Pairs100, PairsSTL, PairsTiny}

// convergence are the claims of Section 3's opening and of 3.1.
var convergence = []Claim{
	{ID: "c3.0-nc2-nc3-same-etf", Section: "3", Place: "metrics",
		Sentence:  "If NC2 and NC3 are both zero, W and H̄ are one simplex ETF up to scale.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(sameETF)},
	{ID: "c3.1-both-collapse", Section: "3", Place: "opening",
		Sentence:  "NC1, NC2 and NC3 go towards zero under CE and under LS.",
		Decidable: "partly: long tail", Needs: []Need{Pairs}, rule: onPairs(nil, bothCollapse)},
	{ID: "c3.1-ls-lower-test-error", Section: "3.1", Place: "Fig 1",
		Sentence:  "On every data set LS ends with lower test error.",
		Decidable: "partly: CIFAR; no STL-10", Needs: pairsOfAll, rule: onPairs(paperSets, lowerTestError)},
	{ID: "c3.1-ls-faster-train-error", Section: "3.1", Place: "Fig 1, Table 1",
		Sentence:  "Training error falls sooner under LS.",
		Decidable: decidableHere, Needs: []Need{Pairs}, rule: onPairs(nil, fasterTrainError)},
	{ID: "c3.1-ls-faster-test-error", Section: "3.1", Place: "Fig 1, Table 1",
		Sentence:  "Test error falls sooner under LS.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, fasterTestError)},
	{ID: "c3.1-ls-faster-ncc-error", Section: "3.1", Place: "Table 1",
		Sentence:  "Nearest-class-mean error falls sooner under LS, train and test.",
		Decidable: decidableHere, Needs: []Need{Pairs}, rule: onPairs(nil, fasterNCCError)},
	{ID: "c3.1-ncc-at-collapse", Section: "3.1", Place: "nearest centroid",
		Sentence:  "At collapse the linear layer decides as the nearest class mean.",
		Decidable: decidableHere, Needs: []Need{ClosedForms, Pairs},
		rule: closedAnd(nearestMeanAtCollapse, onPairs(nil, disagreementFalls))},
	{ID: "c3.1-ls-faster-nc1", Section: "3.1", Place: "Fig 1",
		Sentence:  "NC1 falls sooner under LS.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, fasterNC("nc1"))},
	{ID: "c3.1-ls-faster-nc2", Section: "3.1", Place: "Fig 1",
		Sentence:  "NC2 falls sooner under LS.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, fasterNC("nc2"))},
	{ID: "c3.1-ls-lower-final-nc", Section: "3.1", Place: "Fig 1",
		Sentence:  "LS ends with smaller NC1 and smaller NC2.",
		Decidable: "partly: needs both milestones", Needs: []Need{Pairs}, rule: onPairs(nil, lowerFinalNC)},
	{ID: "c3.1-nc3-comparable", Section: "3.1", Place: "Fig 1",
		Sentence:  "NC3 stays low and about equal under both losses.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, comparableNC3)},
}

// equalNC1 are the claims of Section 3.2.
var equalNC1 = []Claim{
	{ID: "c3.2-nc2-at-equal-nc1", Section: "3.2", Place: "Fig 2",
		Sentence:  "At equal NC1, NC2 is smaller under LS on all four data sets.",
		Decidable: "partly: if ranges overlap", Needs: pairsOfAll, rule: onPairs(paperSets, nc2AtEqualNC1)},
	{ID: "c3.2-jensen-equal-nontarget", Section: "3.2", Place: "Eq 7, 8",
		Sentence: "At fixed target probability LS is least only with equal non-target probabilities, " +
			"whereas CE ignores their spread.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(jensen)},
	{ID: "c3.2-ls-equal-logits", Section: "3.2", Place: "non-target logits",
		Sentence:  "LS-trained nets have more equal non-target logits.",
		Decidable: decidableHere, Needs: []Need{Pairs}, rule: onPairs(nil, equalLogits)},
	{ID: "c3.2-etf-max-separation", Section: "3.2", Place: "separable features",
		Sentence:  "A simplex ETF spreads class directions as far as possible.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(maxSeparation)},
	{ID: "c3.2-gain-by-data-set", Section: "3.2", Place: "Fig 1, Table 1",
		Sentence:  "The test gain of LS is small on both CIFAR sets and larger on STL-10.",
		Decidable: "no: STL-10 missing; CIFAR signs partly", Needs: []Need{Pairs, Pairs100, PairsSTL},
		rule: gainByDataSet},
}

// calibration are the claims of Section 3.3.
var calibration = []Claim{
	{ID: "c3.3-raw-ece-lower", Section: "3.3, B.5", Place: "Fig 3, 7",
		Sentence:  "Unscaled, LS with a well-chosen δ has lower test ECE than CE.",
		Decidable: decidableHere, Needs: []Need{Sweep}, rule: onSweep(rawECELower)},
	{ID: "c3.3-large-delta-hurts", Section: "3.3", Place: "Fig 3",
		Sentence:  "Past the δ where T=1, confidence is too low and ECE climbs.",
		Decidable: decidableHere, Needs: []Need{Sweep}, rule: onSweep(largeDeltaHurts)},
	{ID: "c3.3-post-ece-higher", Section: "3.3, B.5", Place: "Fig 3, 7",
		Sentence:  "After temperature scaling LS has higher test ECE than CE.",
		Decidable: "partly: small gap, bin noise", Needs: []Need{Pairs}, rule: onPairs(nil, scaledECEHigher)},
	{ID: "c3.3-norms-fall", Section: "3.3, B.4", Place: "Fig 3, 6",
		Sentence:  "Trained ‖w‖ and ‖h‖ both shrink as δ grows.",
		Decidable: decidableHere, Needs: []Need{Sweep}, rule: onSweep(trainedNormsFall)},
	{ID: "c3.3-temperature-falls", Section: "3.3", Place: "Fig 3",
		Sentence:  "Fitted T falls with δ and is 1 at some δ.",
		Decidable: decidableHere, Needs: []Need{Sweep}, rule: onSweep(temperatureFalls)},
	{ID: "c3.3-loss-by-group", Section: "3.3", Place: "Fig 4",
		Sentence: "Mean test CE falls throughout for correctly classified samples but rises after epoch 350 " +
			"for wrong ones, under both losses.",
		Decidable: "partly: needs the long tail", Needs: []Need{Pairs}, rule: onPairs(nil, lossByGroup)},
	{ID: "c3.3-entropy-by-group", Section: "3.3", Place: "Fig 4",
		Sentence:  "Prediction entropy falls in the correct and in the wrong group, under both losses.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, entropyByGroup)},
	{ID: "c3.3-test-nc1-by-group", Section: "3.3", Place: "Fig 4, footnote 3",
		Sentence:  "Test NC1 falls through training in both groups (wrong ones grouped by predicted class).",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, testNC1ByGroup)},
	{ID: "c3.3-nc1-confidence", Section: "3.3", Place: "Fig 4",
		Sentence:  "Among wrong samples, smaller NC1 goes with lower entropy.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, nc1WithEntropy)},
	{ID: "c3.3-ece-rises-late", Section: "3.3", Place: "Fig 4",
		Sentence:  "Test ECE goes up in the terminal phase.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, eceRisesLate)},
	{ID: "c3.3-nc1-drives-post-ece", Section: "3.3, B.5", Place: "Fig 3, 4",
		Sentence:  "The higher scaled ECE of LS comes from its stronger NC1.",
		Decidable: "partly: correlation, not cause", Needs: []Need{Sweep}, rule: onSweep(nc1DrivesScaledECE)},
}

// theory are the claims of Section 4 and of Appendices B.1 to E.
var theory = []Claim{
	{ID: "c4.1-global-minimiser", Section: "4, D", Place: "Thm 4.1, D.1, Lemmas D.2–D.5",
		Sentence: "For d≥K, balanced data, the minimiser is an aligned ETF of closed-form scale " +
			"(zero if s+δ≥1), all samples at class means, b=0.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(globalMinimiser)},
	{ID: "c4.1-norms-fall", Section: "4.2", Place: "Thm 4.1",
		Sentence:  "The closed-form norms shrink as δ grows.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(closedNormsFall)},
	{ID: "c4.1-probabilities", Section: "4", Place: "Eq 13, 14, footnote 4",
		Sentence:  "There non-target probabilities are equal to (s+δ)/K, and the target's falls as δ grows.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(probabilities)},
	{ID: "c4.2-critical-points", Section: "4.2", Place: "cited",
		Sentence:  "Cited: the UFM has no bad local minimum.",
		Decidable: "yes (no counterexample, no proof)", Needs: []Need{ClosedForms}, rule: closed(criticalPoints)},
	{ID: "c4.2-kappa", Section: "4.2, E", Place: "Thm 4.2, Eq 15, 51, 59",
		Sentence:  "The W and H blocks share one nonzero-eigenvalue condition number, which falls as δ grows.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(conditionNumber)},
	{ID: "cE-spectra", Section: "E", Place: "Eq 45, 49, 58",
		Sentence:  "Both blocks are positive semidefinite with the listed eigenvalues and multiplicities.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(spectra)},
	{ID: "c4.2-local-speed", Section: "4.2", Place: "after Thm 4.2",
		Sentence:  "Near the minimiser, descent is faster with larger δ.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(localSpeed)},
	{ID: "c4.2-curvature-spread", Section: "4.2", Place: "after Thm 4.2",
		Sentence:  "CE has sharp target and flat non-target curvature, which LS evens out.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(curvatureSpread)},
	{ID: "cD-convex-equivalent", Section: "C, D", Place: "Lemma C.3, Eq 25",
		Sentence:  "The factored L2 penalty is, at its least, a nuclear norm of the logits.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(convexEquivalent)},
	{ID: "cB.1-nc2-zero-etf", Section: "B.1, C", Place: "Prop C.4, footnote 1",
		Sentence: "With NC2=0, constant bias and an L2 penalty on both factors, mean logits are an ETF matrix " +
			"and so are W and H̄.",
		Decidable: decidableHere, Needs: []Need{ClosedForms, Pairs},
		rule: closedAnd(leastFactorsOfETF, onPairs(nil, ownDistancesFall))},
}

// appendixB are the claims of Appendix B on loss, δ, reliability and the simulated UFM.
var appendixB = []Claim{
	{ID: "cB.3-log-loss-lower", Section: "B.3", Place: "Fig 5, Table 2",
		Sentence:  "Log-scaled training loss falls sooner under LS.",
		Decidable: decidableHere, Needs: []Need{Pairs}, rule: onPairs(nil, logLossLower)},
	{ID: "cB.3-late-fluctuation", Section: "B.3", Place: "Fig 5",
		Sentence:  "After the first milestone the loss is near its least and its log-scaled form fluctuates.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, lateFluctuation)},
	{ID: "cB.4-nc-u-shape", Section: "B.4", Place: "Fig 6",
		Sentence:  "NC1 and NC2 against δ are smallest inside the range.",
		Decidable: "partly: final NC needs length", Needs: []Need{Sweep}, rule: onSweep(ncUShape)},
	{ID: "cB.4-nc3-flat", Section: "B.4", Place: "Fig 6",
		Sentence:  "NC3 hardly changes with δ.",
		Decidable: partlyOnly, Needs: []Need{Sweep}, rule: onSweep(nc3Flat)},
	{ID: "cB.4-test-error-u-shape", Section: "B.4", Place: "Fig 6",
		Sentence:  "Test error is least at an inner δ and worsens fast, norms going to 0, as δ nears 1.",
		Decidable: "partly: left arm within noise", Needs: []Need{Sweep}, rule: onSweep(testErrorUShape)},
	{ID: "cB.4-robust-delta", Section: "B.4", Place: "Fig 6",
		Sentence:  "A wide range of δ gives near-best metrics, wider with more classes.",
		Decidable: partlyOnly, Needs: []Need{Sweep, Sweep100}, rule: robustDelta},
	{ID: "cB.5-less-confident", Section: "B.5", Place: "Fig 7",
		Sentence:  "Unscaled LS predicts with lower confidence than CE.",
		Decidable: decidableHere, Needs: []Need{Pairs}, rule: onPairs(nil, lessConfident)},
	{ID: "cB.6-norm-error", Section: "B.6", Place: "Fig 8",
		Sentence:  "Trained UFM norms approach the closed form within 1% for every δ.",
		Decidable: "partly: ResNet needs length; free features yes", Needs: []Need{ClosedForms, UFMSweep},
		rule: closedOr(freeNormError, onUFM(trainedNormError))},
	{ID: "cB.6-larger-delta-faster", Section: "B.6", Place: "Fig 9",
		Sentence:  "Under weight decay, larger δ speeds training error and NC over a wide range.",
		Decidable: partlyOnly, Needs: []Need{Sweep}, rule: onSweep(largerDeltaFaster)},
	{ID: "cB.6-larger-delta-faster-ufm", Section: "B.6, 4.2", Place: "Fig 10",
		Sentence:  "Under the simulated UFM larger δ is faster wherever s+δ<1.",
		Decidable: "partly; free features yes", Needs: []Need{ClosedForms, UFMSweep},
		rule: closedOr(freeLargerDeltaFaster, onUFM(largerDeltaFaster))},
}
