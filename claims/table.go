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
	{ID: "c3.0-nc2-nc3-same-etf", Section: "3", Place: "definition of the metrics",
		Sentence:  "If NC2 and NC3 are both zero, W and H̄ are the same simplex ETF up to scale.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(sameETF)},
	{ID: "c3.1-both-collapse", Section: "3", Place: "first paragraphs",
		Sentence:  "NC1, NC2 and NC3 go to zero under CE and under LS.",
		Decidable: "partly: the last epochs need a long run", Needs: []Need{Pairs}, rule: onPairs(nil, bothCollapse)},
	{ID: "c3.1-ls-lower-test-error", Section: "3.1", Place: "Fig 1",
		Sentence:  "LS ends with a lower test error on every data set.",
		Decidable: "partly: on CIFAR; STL-10 is missing", Needs: pairsOfAll, rule: onPairs(paperSets, lowerTestError)},
	{ID: "c3.1-ls-faster-train-error", Section: "3.1", Place: "Fig 1, Table 1",
		Sentence:  "The training error decreases sooner under LS.",
		Decidable: decidableHere, Needs: []Need{Pairs}, rule: onPairs(nil, fasterTrainError)},
	{ID: "c3.1-ls-faster-test-error", Section: "3.1", Place: "Fig 1, Table 1",
		Sentence:  "The test error decreases sooner under LS.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, fasterTestError)},
	{ID: "c3.1-ls-faster-ncc-error", Section: "3.1", Place: "Table 1",
		Sentence:  "The error of the nearest class mean (NCC) decreases sooner under LS, on training and test images.",
		Decidable: decidableHere, Needs: []Need{Pairs}, rule: onPairs(nil, fasterNCCError)},
	{ID: "c3.1-ncc-at-collapse", Section: "3.1", Place: "text on the nearest centroid",
		Sentence:  "At collapse the classifier decides as the nearest class mean does.",
		Decidable: decidableHere, Needs: []Need{ClosedForms, Pairs},
		rule: closedAnd(nearestMeanAtCollapse, onPairs(nil, disagreementFalls))},
	{ID: "c3.1-ls-faster-nc1", Section: "3.1", Place: "Fig 1",
		Sentence:  "NC1 decreases sooner under LS.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, fasterNC("nc1"))},
	{ID: "c3.1-ls-faster-nc2", Section: "3.1", Place: "Fig 1",
		Sentence:  "NC2 decreases sooner under LS.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, fasterNC("nc2"))},
	{ID: "c3.1-ls-lower-final-nc", Section: "3.1", Place: "Fig 1",
		Sentence:  "LS ends with smaller NC1 and smaller NC2.",
		Decidable: "partly: needs both milestones", Needs: []Need{Pairs}, rule: onPairs(nil, lowerFinalNC)},
	{ID: "c3.1-nc3-comparable", Section: "3.1", Place: "Fig 1",
		Sentence:  "NC3 stays low and is about equal under both losses.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, comparableNC3)},
}

// equalNC1 are the claims of Section 3.2.
var equalNC1 = []Claim{
	{ID: "c3.2-nc2-at-equal-nc1", Section: "3.2", Place: "Fig 2",
		Sentence:  "At equal NC1, NC2 is smaller under LS on all four data sets.",
		Decidable: "partly: if the ranges of NC1 overlap", Needs: pairsOfAll, rule: onPairs(paperSets, nc2AtEqualNC1)},
	{ID: "c3.2-jensen-equal-nontarget", Section: "3.2", Place: "Eq 7, 8",
		Sentence: "At a fixed target probability, LS is smallest only if the non-target probabilities are equal. " +
			"CE does not depend on how they are spread.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(jensen)},
	{ID: "c3.2-ls-equal-logits", Section: "3.2", Place: "text on non-target logits",
		Sentence:  "Networks trained with LS have more equal non-target logits.",
		Decidable: decidableHere, Needs: []Need{Pairs}, rule: onPairs(nil, equalLogits)},
	{ID: "c3.2-etf-max-separation", Section: "3.2", Place: "text on separable features",
		Sentence:  "A simplex ETF has the largest possible angles between class directions.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(maxSeparation)},
	{ID: "c3.2-gain-by-data-set", Section: "3.2", Place: "Fig 1, Table 1",
		Sentence:  "LS lowers the test error a little on both CIFAR data sets, and more on STL-10.",
		Decidable: "no: STL-10 is missing; the signs on CIFAR partly", Needs: []Need{Pairs, Pairs100, PairsSTL},
		rule: gainByDataSet},
}

// calibration are the claims of Section 3.3.
var calibration = []Claim{
	{ID: "c3.3-raw-ece-lower", Section: "3.3, B.5", Place: "Fig 3, 7",
		Sentence:  "Before temperature scaling, LS with a well-chosen δ has a lower test ECE than CE.",
		Decidable: decidableHere, Needs: []Need{Sweep}, rule: onSweep(rawECELower)},
	{ID: "c3.3-large-delta-hurts", Section: "3.3", Place: "Fig 3",
		Sentence:  "Above the δ at which T = 1, confidence is too low and ECE increases with δ.",
		Decidable: decidableHere, Needs: []Need{Sweep}, rule: onSweep(largeDeltaHurts)},
	{ID: "c3.3-post-ece-higher", Section: "3.3, B.5", Place: "Fig 3, 7",
		Sentence:  "After temperature scaling, LS has a higher test ECE than CE.",
		Decidable: "partly: the gap is small next to the noise of the bins", Needs: []Need{Pairs},
		rule: onPairs(nil, scaledECEHigher)},
	{ID: "c3.3-norms-fall", Section: "3.3, B.4", Place: "Fig 3, 6",
		Sentence:  "The trained norms ‖w‖ and ‖h‖ both decrease as δ increases.",
		Decidable: decidableHere, Needs: []Need{Sweep}, rule: onSweep(trainedNormsFall)},
	{ID: "c3.3-temperature-falls", Section: "3.3", Place: "Fig 3",
		Sentence:  "The fitted temperature T decreases with δ and is 1 at some δ.",
		Decidable: decidableHere, Needs: []Need{Sweep}, rule: onSweep(temperatureFalls)},
	{ID: "c3.3-loss-by-group", Section: "3.3", Place: "Fig 4",
		Sentence: "Under both losses, the mean test cross entropy of correctly classified samples decreases " +
			"throughout; that of wrongly classified ones increases after epoch 350.",
		Decidable: "partly: the last epochs need a long run", Needs: []Need{Pairs}, rule: onPairs(nil, lossByGroup)},
	{ID: "c3.3-entropy-by-group", Section: "3.3", Place: "Fig 4",
		Sentence: "Under both losses, the entropy of predictions decreases for correctly and for wrongly " +
			"classified samples.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, entropyByGroup)},
	{ID: "c3.3-test-nc1-by-group", Section: "3.3", Place: "Fig 4, footnote 3",
		Sentence: "Test NC1 decreases during training for correctly and for wrongly classified samples " +
			"(the wrong ones are grouped by their predicted class).",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, testNC1ByGroup)},
	{ID: "c3.3-nc1-confidence", Section: "3.3", Place: "Fig 4",
		Sentence:  "Among wrongly classified samples, a smaller NC1 goes with a lower entropy.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, nc1WithEntropy)},
	{ID: "c3.3-ece-rises-late", Section: "3.3", Place: "Fig 4",
		Sentence:  "Test ECE increases in the terminal phase.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, eceRisesLate)},
	{ID: "c3.3-nc1-drives-post-ece", Section: "3.3, B.5", Place: "Fig 3, 4",
		Sentence:  "The higher ECE of LS after temperature scaling comes from its smaller NC1.",
		Decidable: "partly: a correlation, which shows no cause", Needs: []Need{Sweep},
		rule: onSweep(nc1DrivesScaledECE)},
}

// theory are the claims of Section 4 and of Appendices B.1 to E.
var theory = []Claim{
	{ID: "c4.1-global-minimiser", Section: "4, D", Place: "Thm 4.1, D.1, Lemmas D.2–D.5",
		Sentence: "For d ≥ K and balanced data, the global minimiser is an aligned simplex ETF whose scale has a " +
			"closed form (zero if s+δ ≥ 1). All samples are at their class mean, and b = 0.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(globalMinimiser)},
	{ID: "c4.1-norms-fall", Section: "4.2", Place: "Thm 4.1",
		Sentence:  "The norms in closed form decrease as δ increases.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(closedNormsFall)},
	{ID: "c4.1-probabilities", Section: "4", Place: "Eq 13, 14, footnote 4",
		Sentence: "At the minimiser each non-target probability is (s+δ)/K, and the target's decreases as δ " +
			"increases.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(probabilities)},
	{ID: "c4.2-critical-points", Section: "4.2", Place: "text, a cited result",
		Sentence:  "The UFM has no bad local minimum (the paper cites this).",
		Decidable: "yes: the search finds no counterexample, which is no proof", Needs: []Need{ClosedForms},
		rule: closed(criticalPoints)},
	{ID: "c4.2-kappa", Section: "4.2, E", Place: "Thm 4.2, Eq 15, 51, 59",
		Sentence: "The Hessian blocks of W and of H have the same condition number on nonzero eigenvalues. " +
			"It decreases as δ increases.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(conditionNumber)},
	{ID: "cE-spectra", Section: "E", Place: "Eq 45, 49, 58",
		Sentence: "Both blocks are positive semidefinite, with the eigenvalues and multiplicities that the " +
			"paper lists.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(spectra)},
	{ID: "c4.2-local-speed", Section: "4.2", Place: "after Thm 4.2",
		Sentence:  "Near the minimiser, gradient descent is faster with a larger δ.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(localSpeed)},
	{ID: "c4.2-curvature-spread", Section: "4.2", Place: "after Thm 4.2",
		Sentence: "The curvature of CE is sharp in the target direction and flat in the others; LS makes it " +
			"more even.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(curvatureSpread)},
	{ID: "cD-convex-equivalent", Section: "C, D", Place: "Lemma C.3, Eq 25",
		Sentence:  "The smallest L2 penalty on W and H that gives the same logits is a nuclear norm of the logits.",
		Decidable: decidableHere, Needs: []Need{ClosedForms}, rule: closed(convexEquivalent)},
	{ID: "cB.1-nc2-zero-etf", Section: "B.1, C", Place: "Prop C.4, footnote 1",
		Sentence: "With NC2 = 0, a constant bias and an L2 penalty on both factors, the mean logits are a " +
			"simplex ETF and so are W and H̄.",
		Decidable: decidableHere, Needs: []Need{ClosedForms, Pairs},
		rule: closedAnd(leastFactorsOfETF, onPairs(nil, ownDistancesFall))},
}

// appendixB are the claims of Appendix B on loss, δ, reliability and the simulated UFM.
var appendixB = []Claim{
	{ID: "cB.3-log-loss-lower", Section: "B.3", Place: "Fig 5, Table 2",
		Sentence:  "The log-scaled training loss decreases sooner under LS.",
		Decidable: decidableHere, Needs: []Need{Pairs}, rule: onPairs(nil, logLossLower)},
	{ID: "cB.3-late-fluctuation", Section: "B.3", Place: "Fig 5",
		Sentence:  "After the first milestone the loss is close to its minimum, and its log-scaled form fluctuates.",
		Decidable: partlyOnly, Needs: []Need{Pairs}, rule: onPairs(nil, lateFluctuation)},
	{ID: "cB.4-nc-u-shape", Section: "B.4", Place: "Fig 6",
		Sentence:  "NC1 and NC2 are smallest at a δ inside the range, not at its ends.",
		Decidable: "partly: the final NC needs a long run", Needs: []Need{Sweep}, rule: onSweep(ncUShape)},
	{ID: "cB.4-nc3-flat", Section: "B.4", Place: "Fig 6",
		Sentence:  "NC3 hardly changes with δ.",
		Decidable: partlyOnly, Needs: []Need{Sweep}, rule: onSweep(nc3Flat)},
	{ID: "cB.4-test-error-u-shape", Section: "B.4", Place: "Fig 6",
		Sentence: "The test error is lowest at a δ inside the range. As δ approaches 1 it increases fast, and the " +
			"norms go to 0.",
		Decidable: "partly: below the best δ the differences are within the noise", Needs: []Need{Sweep},
		rule: onSweep(testErrorUShape)},
	{ID: "cB.4-robust-delta", Section: "B.4", Place: "Fig 6",
		Sentence:  "A wide range of δ gives near-best metrics, and a wider one with more classes.",
		Decidable: partlyOnly, Needs: []Need{Sweep, Sweep100}, rule: robustDelta},
	{ID: "cB.5-less-confident", Section: "B.5", Place: "Fig 7",
		Sentence:  "Before temperature scaling, LS predicts with lower confidence than CE.",
		Decidable: decidableHere, Needs: []Need{Pairs}, rule: onPairs(nil, lessConfident)},
	{ID: "cB.6-norm-error", Section: "B.6", Place: "Fig 8",
		Sentence:  "The trained norms of the UFM approach the closed form within 1 % for every δ.",
		Decidable: "partly: a ResNet needs a long run; free features: yes", Needs: []Need{ClosedForms, UFMSweep},
		rule: closedOr(freeNormError, onUFM(trainedNormError))},
	{ID: "cB.6-larger-delta-faster", Section: "B.6", Place: "Fig 9",
		Sentence:  "Under weight decay, training error and NC decrease faster with a larger δ, over a wide range of δ.",
		Decidable: partlyOnly, Needs: []Need{Sweep}, rule: onSweep(largerDeltaFaster)},
	{ID: "cB.6-larger-delta-faster-ufm", Section: "B.6, 4.2", Place: "Fig 10",
		Sentence:  "In the simulated UFM, they decrease faster with a larger δ wherever s+δ < 1.",
		Decidable: "partly: on networks; free features: yes", Needs: []Need{ClosedForms, UFMSweep},
		rule: closedOr(freeLargerDeltaFaster, onUFM(largerDeltaFaster))},
}
