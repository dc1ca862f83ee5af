package files

import (
	"fmt"
	"math"

	"github.com/gocollapse/collapse/calib"
)

// Kind is what the numbers of a file are.
type Kind string

// The kinds. Guess, the zero value, takes the numbers for logits, and refuses a file that does not
// look like logits: see Open for the rule.
const (
	Guess            Kind = ""
	Logits           Kind = "logits"
	Probabilities    Kind = "probabilities"
	LogProbabilities Kind = "log-probabilities"
)

// Kinds returns the kinds that a user may name.
func Kinds() []string {
	return []string{string(Logits), string(Probabilities), string(LogProbabilities)}
}

// near is how far from 1 the sum of a row may be that still looks like rounded probabilities.
const near = 0.05

// look adds up what tells logits from other numbers, row by row.
type look struct {
	kind   Kind
	k      int
	scores bool // one score per sample in place of K logits

	rows                      int64
	unit                      int64 // rows in [0, 1]
	sums                      int64 // of these, those that sum to 1 within near
	below, above              int64 // rows in [0, 1] that sum to less than 1, or to more
	percent                   int64 // rows in [0, 100], not in [0, 1], that sum to 100 within 100·near
	logs                      int64 // rows of log-probabilities: none above 0, and their exponentials sum to 1
	without                   []int64
	apart                     int64 // the first row that is not in [0, 1], or does not sum to 1; −1
	apartSum                  float64
	negative, positive, large bool // a number under 0, over 0, over 1
	label                     int32
	distributions             *calib.RowSums
	logSums                   *calib.RowSums
	room                      []float64
}

func newLook(kind Kind, k int, scores bool) *look {
	return &look{kind: kind, k: k, scores: scores, without: make([]int64, k), apart: -1,
		distributions: calib.NewRowSums(k), logSums: calib.NewRowSums(k), room: make([]float64, k)}
}

// add looks at row i. Where the kind is given, it returns what is wrong with the row.
func (l *look) add(i int64, row []float64, label int32) error {
	l.rows++
	l.label = max(l.label, label)
	switch l.kind {
	case Logits:
		return nil
	case Probabilities:
		return l.distributions.Add(i, row)
	case LogProbabilities:
		for c, v := range row {
			l.room[c] = math.Exp(v)
		}
		if err := l.logSums.Add(i, l.room); err != nil {
			return fmt.Errorf("log-probabilities: after the exponential, %w", err)
		}
		return nil
	}
	l.guess(i, row)
	return nil
}

// guess adds to the counts from which verdict concludes.
func (l *look) guess(i int64, row []float64) {
	least, most, sum := math.Inf(1), math.Inf(-1), 0.0
	for _, v := range row {
		least, most = min(least, v), max(most, v)
		sum += v
	}
	l.negative = l.negative || least < 0
	l.positive = l.positive || most > 0
	l.large = l.large || most > 1+1e-6
	const rounding = 1e-6
	unit := least >= -rounding && most <= 1+rounding
	adds := unit && math.Abs(sum-1) <= near
	switch {
	case adds:
		l.sums++
	case unit && sum < 1:
		l.below++
	case unit:
		l.above++
	case least >= 0 && most <= 100 && math.Abs(sum-100) <= 100*near:
		l.percent++
	case most <= 0:
		var e float64
		for _, v := range row {
			e += math.Exp(v)
		}
		if math.Abs(e-1) <= 2e-3 {
			l.logs++
		}
	}
	if unit {
		l.unit++
	}
	if !adds {
		if l.apart < 0 {
			l.apart, l.apartSum = i, sum
		}
		l.withoutColumn(row, sum)
	}
}

// withoutColumn counts for each column whether the row without it looks like probabilities.
func (l *look) withoutColumn(row []float64, sum float64) {
	outside, where := 0, 0
	for c, v := range row {
		if !(v >= 0 && v <= 1) {
			outside, where = outside+1, c
		}
	}
	for c, v := range row {
		if (outside == 0 || outside == 1 && where == c) && math.Abs(sum-v-1) <= 2e-3 {
			l.without[c]++
		}
	}
}

// settle tells how to settle a guess.
const settle = "if they are logits all the same, say --logits-are logits"

// verdict returns what the whole file says: an error where it is not of its kind or does not look
// like logits, and a note on what was seen and done, or "".
func (l *look) verdict() (note string, err error) {
	switch l.kind {
	case Logits:
		return "", nil
	case Probabilities:
		return "", l.distributions.Check()
	case LogProbabilities:
		if err := l.logSums.Check(); err != nil {
			return "", fmt.Errorf("log-probabilities: after the exponential, %w", err)
		}
		return "log-probabilities are logits as well: their softmax is the probabilities", nil
	}
	if l.scores {
		return "", l.scoreFault()
	}
	if fault := l.fault(); fault != "" {
		return "", fmt.Errorf("%s; %s", fault, settle)
	}
	return l.doubt(), nil
}

// scoreFault refuses scores that may be probabilities.
func (l *look) scoreFault() error {
	if l.unit < l.rows {
		return nil
	}
	return fmt.Errorf("every score lies in [0, 1]: these look like probabilities of class 1, not logits; "+
		"say so with --probabilities; %s", settle)
}

// fault says why the file does not hold logits, or "". The first rule that holds decides.
func (l *look) fault() string {
	half := func(n int64) bool { return 2*n > l.rows }
	apart := ""
	if l.apart >= 0 {
		apart = fmt.Sprintf("; the first row apart is %d, which sums to %.4g", l.apart, l.apartSum)
	}
	if l.unit == l.rows && l.above == 0 && 20*l.below > l.rows {
		return fmt.Sprintf("every number lies in [0, 1] and %d of %d rows sum to less than 1%s: these look like "+
			"probabilities of which a class column is missing, or like outputs of sigmoids, not like logits",
			l.below, l.rows, apart)
	}
	if half(l.sums) && l.sums == l.rows {
		return "every row lies in [0, 1] and sums to 1: these are probabilities, not logits; " +
			"say so with --probabilities"
	}
	if half(l.sums) {
		return fmt.Sprintf("%d of %d rows lie in [0, 1] and sum to 1 within %g%s: these are probabilities, "+
			"not logits; say so with --probabilities", l.sums, l.rows, near, apart)
	}
	if half(l.percent) {
		return fmt.Sprintf("%d of %d rows lie in [0, 100] and sum to 100 within %g: these are percentages, "+
			"not logits; divide them by 100 and say --probabilities", l.percent, l.rows, 100*near)
	}
	for c, n := range l.without {
		if half(n) {
			return fmt.Sprintf("%d of %d rows are probabilities once column %d is left out: an extra column "+
				"(labels, an index, a background class?) is among the classes; remove it", n, l.rows, c)
		}
	}
	if l.unit == l.rows {
		return fmt.Sprintf("every number lies in [0, 1] and %d of %d rows do not sum to 1%s: these look like outputs "+
			"of sigmoids, not like logits; save what goes into the sigmoids", l.rows-l.sums, l.rows, apart)
	}
	return ""
}

// doubt is a note on numbers that are taken for logits but have a mark of other things, or "".
func (l *look) doubt() string {
	switch {
	case 2*l.logs > l.rows:
		return fmt.Sprintf("%d of %d rows are log-probabilities, which are logits as well", l.logs, l.rows)
	case l.rows >= 20 && !l.negative && l.positive && l.k > 2 && 2*int(l.label+1) <= l.k:
		return fmt.Sprintf("no number is below 0, and the labels end at %d of K = %d columns: "+
			"these look like features after a ReLU, not like logits", l.label, l.k)
	case l.rows >= 20 && !l.negative && l.positive && l.k > 2:
		return "no number is below 0: logits of a trained network usually have both signs; " +
			"are these features after a ReLU, or scores without a logarithm?"
	case l.rows >= int64(10*l.k) && int(l.label)+1 < l.k:
		return fmt.Sprintf("no label is above %d, though there are K = %d columns: an extra column, or features "+
			"in place of logits?", l.label, l.k)
	}
	return ""
}
