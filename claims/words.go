package claims

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/gocollapse/collapse/record"
)

// Part is a part of the paper with its claims.
type Part struct {
	Title  string // Section 3.2: NC2 at equal NC1
	Claims []Claim
}

// Parts returns the claims by the parts of the paper, in its order.
func Parts() []Part {
	return []Part{
		{"Sections 3 and 3.1: convergence", convergence},
		{"Section 3.2: NC2 at equal NC1", equalNC1},
		{"Section 3.3: calibration", calibration},
		{"Section 4, Appendices B.1 and C to E: theory", theory},
		{"Appendices B.3 to B.6: loss, δ, reliability, simulated UFM", appendixB},
	}
}

// Verdicts are all verdicts in the order in which they are listed and counted.
var Verdicts = []Verdict{Holds, DoesNotHold, OnMargin, NotDecided, NotMeasurable}

// Mark is a sign for a verdict that reads without colour.
func (v Verdict) Mark() string {
	switch v {
	case Holds:
		return "✓"
	case DoesNotHold:
		return "✗"
	case OnMargin:
		return "±"
	case NotMeasurable:
		return "–"
	}
	return "?"
}

// Words says at which scale something was found: "closed form", "reduced scale", "paper scale", or
// "no runs yet".
func (s Scale) Words() string {
	switch s {
	case ClosedForm:
		return string(s)
	case "":
		return "no runs yet"
	}
	return string(s) + " scale"
}

// Tally is how many results have a verdict.
type Tally struct {
	Verdict Verdict
	Count   int
	Scales  string // of a verdict that was reached: "12 closed form, 1 reduced scale"; else ""
}

// Words is what the counted claims do: hold, do not hold, depend on the margin.
func (t Tally) Words() string {
	if t.Count == 1 {
		return string(t.Verdict)
	}
	switch t.Verdict {
	case Holds:
		return "hold"
	case DoesNotHold:
		return "do not hold"
	case OnMargin:
		return "depend on the margin"
	}
	return string(t.Verdict)
}

// Tallies counts the results of each verdict, in the order of Verdicts and with zeros.
func Tallies(results []Result) (list []Tally) {
	for _, v := range Verdicts {
		t := Tally{Verdict: v}
		var parts []string
		for _, s := range []Scale{PaperScale, ReducedScale, ClosedForm, ""} {
			n := 0
			for _, r := range results {
				if r.Verdict == v && r.Scale == s {
					n++
				}
			}
			if t.Count += n; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, s.Words()))
			}
		}
		if v == Holds || v == DoesNotHold || v == OnMargin {
			t.Scales = strings.Join(parts, ", ")
		}
		list = append(list, t)
	}
	return list
}

// Detail is one line of a result in words.
type Detail struct{ Name, Text string }

// Details returns what a result says, line by line, without its runs and its note. Lines that do
// not apply are left out.
func (r Result) Details() []Detail {
	var list []Detail
	add := func(name, text string) {
		if text != "" {
			list = append(list, Detail{name, text})
		}
	}
	add("Verdict", r.String())
	add("Scale", r.Scale.Words())
	add("Effect", r.effectWords())
	if defined(r.P) {
		add("p value", pWords(r.P))
	}
	if defined(r.PHolm) {
		add("p after Holm's correction", pWords(r.PHolm))
	}
	if r.Scale != ClosedForm {
		add("Seeds", strconv.Itoa(r.Seeds))
	}
	if r.SeedsNeeded > 0 {
		why := "for the observed effect with 80 % power"
		if r.SeedsNeeded == MinSeeds {
			why = "at least, as for every verdict"
		}
		add("Seeds needed", fmt.Sprintf("%d %s", r.SeedsNeeded, why))
	}
	add("Decidable at reduced scale", r.Decidable)
	return list
}

func (r Result) effectWords() string {
	switch {
	case !defined(r.Effect):
		return ""
	case defined(r.Low) && defined(r.High):
		return fmt.Sprintf("%s, 95 %% interval %s to %s", number(r.Effect), number(r.Low), number(r.High))
	}
	return number(r.Effect)
}

// Words returns a result as sentences: verdict, numbers and note.
func (r Result) Words() string {
	verdict := r.String()
	if !strings.HasSuffix(verdict, r.Scale.Words()) {
		verdict += " (" + r.Scale.Words() + ")"
	}
	text := []string{verdict}
	for _, d := range r.Details() {
		switch d.Name {
		case "Verdict", "Scale", "Decidable at reduced scale":
		default:
			text = append(text, d.Name+": "+d.Text)
		}
	}
	return sentences(append(text, r.Note, r.Caveats)...)
}

// Command is the command that makes the runs that a claim lacks.
func (c Claim) Command() string { return "collapse reproduce " + c.ID + " --run" }

// number writes an effect with three digits and a minus sign.
func number(v float64) string {
	return strings.Replace(fmt.Sprintf("%.3g", v), "-", "−", 1)
}

func pWords(p float64) string {
	if p < 1e-4 {
		return "below 0.0001"
	}
	return fmt.Sprintf("%.2g", p)
}

// lower writes the first letter of a sentence small where its first word has no other large letter.
func lower(s string) string {
	first, _, _ := strings.Cut(s, " ")
	if first == "" || first[0] < 'A' || first[0] > 'Z' || len(first) < 2 || strings.ToLower(first[1:]) != first[1:] ||
		strings.ContainsAny(first, "0123456789") {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// upper writes the first letter of a text large, but for names such as nc2_w and ρ.
func upper(s string) string {
	first, rest, _ := strings.Cut(s, " ")
	if first == "" || strings.ContainsAny(first, "_‖()") || first[0] < 'a' || first[0] > 'z' {
		return s
	}
	first = strings.ToUpper(first[:1]) + first[1:]
	if rest == "" {
		return first
	}
	return first + " " + rest
}

var seedAtEnd = regexp.MustCompile(`^(.+)-(\d{4})$`)

// ShortNames joins the names of runs that differ in their seed alone: cifar10-twin-ce, seeds 2021
// to 2025.
func ShortNames(names []string) (short []string) {
	seeds := map[string][]int64{}
	type part struct {
		name   string
		seeded bool // a name may be that of a run, and of others before their seeds
	}
	var parts []part
	for _, name := range names {
		m := seedAtEnd.FindStringSubmatch(name)
		if m == nil {
			parts = append(parts, part{name, false})
			continue
		}
		if seeds[m[1]] == nil {
			parts = append(parts, part{m[1], true})
		}
		n, err := strconv.ParseInt(m[2], 10, 64)
		if err != nil {
			n = math.MaxInt64
		}
		seeds[m[1]] = append(seeds[m[1]], n)
	}
	for _, p := range parts {
		name := p.name
		if p.seeded {
			name += ", " + record.SeedsInWords(seeds[p.name])
		}
		short = append(short, name)
	}
	return short
}
