package nb

import (
	"fmt"
	"html"
	"math"
	"os"
	"reflect"
	"strings"
)

// Predict asks a question. Its answer opens on a click, so that a reader can answer first.
// A lesson hides the cell's source, which holds the answer, and saves the question alone.
func Predict(question, answer string) {
	b := folded("Predict", question, "The answer", answer)
	if InNotebook() {
		b.Text = "Predict. " + question + "\nThe answer opens on a click once the cell was run.\n"
	}
	Display("", b)
}

// Hint shows a hint that opens on a click.
func Hint(text string) { Display("", folded("", "", "Hint", text)) }

// folded is a text with a part that opens on a click.
func folded(head, text, summary, inside string) Bundle {
	var page, words strings.Builder
	page.WriteString(`<div class="collapse-ask">`)
	if text != "" {
		fmt.Fprintf(&page, "<p><b>%s.</b> %s</p>", html.EscapeString(head), html.EscapeString(text))
		fmt.Fprintf(&words, "%s. %s\n", head, text)
	}
	fmt.Fprintf(&page, "<details><summary>%s</summary><p>%s</p></details></div>", html.EscapeString(summary),
		html.EscapeString(inside))
	fmt.Fprintf(&words, "%s: %s\n", summary, inside)
	return Bundle{HTML: page.String(), Text: words.String()}
}

// Case is an answer that a question foresees.
type Case struct {
	value     any
	why       string
	kind      caseKind
	tolerance float64
}

type caseKind int

const (
	right caseKind = iota
	wrong
	otherwise
)

// Right is a right answer, and why it is.
func Right(value any, why string) Case {
	return Case{value: value, why: why, kind: right, tolerance: 0.01}
}

// Wrong is a wrong answer that is likely, and why it is wrong.
func Wrong(value any, why string) Case {
	return Case{value: value, why: why, kind: wrong, tolerance: 0.01}
}

// Otherwise says what to think of where an answer is none of those foreseen.
func Otherwise(hint string) Case { return Case{why: hint, kind: otherwise} }

// Within sets how far a number may be from the case's, as a share of it (of 1 where it is 0).
// Without it this is 1 %.
func (c Case) Within(share float64) Case {
	c.tolerance = share
	return c
}

// Check tells whether an answer is right, and why:
//
//	nb.Check(answer, nb.Right(4, "NC1 is a ratio of squared lengths."), nb.Wrong(2, "…"), nb.Otherwise("…"))
//
// Numbers agree within 1 % or what Within says, texts whatever their case, slices element by
// element. NaN, "", an empty slice and nil are no answer yet.
//
// A wrong or missing answer does not fail the cell, unless the environment has COLLAPSE_GRADE=1: then
// Check ends the cell's program with status 1, from which nbgrader sees that there is no point.
func Check(answer any, cases ...Case) {
	b, ok := checked(answer, cases)
	Display("", b)
	if !ok && os.Getenv(gradeVariable) == "1" {
		os.Exit(1)
	}
}

const gradeVariable = "COLLAPSE_GRADE"

// checked returns what Check shows, and whether the answer is right.
func checked(answer any, cases []Case) (b Bundle, ok bool) {
	head, why := "Not right.", ""
	colour := "#D55E00"
	switch c := match(answer, cases); {
	case !given(answer):
		head, why, colour = "No answer yet.", "Write yours in the cell above and run both.", "#59636e"
	case c == nil:
	case c.kind == right:
		head, why, colour, ok = "Right.", c.why, "#009E73", true
	default:
		why = c.why
	}
	return Bundle{
		HTML: fmt.Sprintf(`<div role="status" style="border-left:4px solid %s;padding:.3em .8em"><b>%s</b> %s</div>`,
			colour, head, html.EscapeString(why)),
		Text: strings.TrimSpace(head + " " + why),
	}, ok
}

// given says whether there is an answer.
func given(answer any) bool {
	if answer == nil {
		return false
	}
	switch v := reflect.ValueOf(answer); v.Kind() {
	case reflect.Float32, reflect.Float64:
		return !math.IsNaN(v.Float())
	case reflect.String:
		return strings.TrimSpace(v.String()) != ""
	case reflect.Slice, reflect.Map:
		return v.Len() > 0
	case reflect.Pointer, reflect.Func:
		return !v.IsNil()
	}
	return true
}

// match returns the first case that the answer is, else what Otherwise says, else nil.
func match(answer any, cases []Case) *Case {
	var rest *Case
	for i := range cases {
		c := &cases[i]
		if c.kind == otherwise {
			rest = c
		} else if same(reflect.ValueOf(answer), reflect.ValueOf(c.value), c.tolerance) {
			return c
		}
	}
	return rest
}

// same says whether two values agree within a tolerance.
func same(a, b reflect.Value, tolerance float64) bool {
	if !a.IsValid() || !b.IsValid() {
		return a.IsValid() == b.IsValid()
	}
	x, number := numeric(a)
	y, wanted := numeric(b)
	switch {
	case number && wanted:
		scale := math.Abs(y)
		if scale == 0 {
			scale = 1
		}
		return x == y || math.Abs(x-y) <= tolerance*scale
	case a.Kind() == reflect.String && b.Kind() == reflect.String:
		return strings.EqualFold(strings.TrimSpace(a.String()), strings.TrimSpace(b.String()))
	case list(a) && list(b):
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i), tolerance) {
				return false
			}
		}
		return true
	}
	return a.Type() == b.Type() && reflect.DeepEqual(a.Interface(), b.Interface())
}

func list(v reflect.Value) bool { return v.Kind() == reflect.Slice || v.Kind() == reflect.Array }

// numeric returns a number of any of Go's kinds as a float64.
func numeric(v reflect.Value) (float64, bool) {
	switch {
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return 0, false
}
