package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gocollapse/collapse/record"
)

func percent(v record.Number) string {
	if x := float64(v); !math.IsNaN(x) && !math.IsInf(x, 0) {
		return strconv.FormatFloat(100*x, 'f', 2, 64)
	}
	return "–"
}

func number(v record.Number) string {
	x := float64(v)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "–"
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
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
		return "under a second"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
