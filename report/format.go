package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gocollapse/collapse/record"
)

// lastValue writes a metric of a run's last epoch, in percent where it is a share; "–" where it is
// not defined.
func lastValue(r *run, key string) string {
	e := r.Last()
	m, ok := record.MetricByKey(key)
	if e == nil || !ok {
		return "–"
	}
	v := m.Shown(e)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case m.Percent:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func floats(v []float64) string {
	var s []string
	for _, x := range v {
		s = append(s, strconv.FormatFloat(x, 'g', 5, 64))
	}
	return strings.Join(s, ", ")
}

// thousands sets narrow spaces between groups of three digits.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

func duration(seconds float64) string {
	if !(seconds > 0) || math.IsInf(seconds, 0) {
		return ""
	}
	d := time.Duration(math.Min(seconds, 1e9) * float64(time.Second)).Round(time.Second)
	switch {
	case d < time.Second:
		return "less than 1 s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
