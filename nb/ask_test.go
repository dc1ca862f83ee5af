package nb

import (
	"math"
	"strings"
	"testing"
)

func TestCheckTellsRightFromWrongAndWhy(t *testing.T) {
	cases := []Case{Right(4, "squared lengths"), Wrong(2.0, "that is of lengths"), Otherwise("look at Σ_W")}
	words := []Case{Right("NC1", "one"), Wrong("NC2", "two")}
	lists := []Case{Right([]float64{1, 2}, "both")}
	for _, c := range []struct {
		answer any
		cases  []Case
		want   string
	}{
		{4.0, cases, "Right. squared lengths"},
		{4, cases, "Right. squared lengths"},
		{float32(4.03), cases, "Right. squared lengths"}, // within 1 %
		{4.05, cases, "Not right. look at Σ_W"},
		{2, cases, "Not right. that is of lengths"},
		{math.NaN(), cases, "No answer yet. Write yours in the cell and run it again."},
		{math.Inf(1), cases, "Not right. look at Σ_W"},
		{"4", cases, "Not right. look at Σ_W"},
		{" nc1", words, "Right. one"},
		{"NC2", words, "Not right. two"},
		{"NC3", words, "Not right."},
		{"", words, "No answer yet. Write yours in the cell and run it again."},
		{nil, words, "No answer yet. Write yours in the cell and run it again."},
		{[]float64{1, 2.001}, lists, "Right. both"},
		{[]int{1, 2}, lists, "Right. both"},
		{[]float64{1}, lists, "Not right."},
		{[]float64{}, lists, "No answer yet. Write yours in the cell and run it again."},
		{0.001, []Case{Right(0, "none").Within(0.01)}, "Right. none"},
		{1.1, []Case{Right(1, "").Within(0.2)}, "Right."},
		{true, []Case{Right(true, "yes")}, "Right. yes"},
		{false, []Case{Right(true, "yes")}, "Not right."},
	} {
		b := checked(c.answer, c.cases)
		if b.Text != c.want {
			t.Errorf("answer %v gives %q, want %q", c.answer, b.Text, c.want)
		}
		if head, _, _ := strings.Cut(c.want, "."); !strings.Contains(b.HTML, "<b>"+head+".</b>") {
			t.Errorf("answer %v: the HTML does not say %q in words:\n%s", c.answer, head, b.HTML)
		}
	}
}

func TestPredictKeepsItsAnswerClosed(t *testing.T) {
	b := folded("Predict", "Is a < b?", "The answer", "Yes & no.")
	if !strings.Contains(b.HTML, "<p><b>Predict.</b> Is a &lt; b?</p>") {
		t.Errorf("the question is not shown:\n%s", b.HTML)
	}
	before, inside, _ := strings.Cut(b.HTML, "<details>")
	if strings.Contains(before, "Yes") ||
		!strings.Contains(inside, "<summary>The answer</summary><p>Yes &amp; no.</p>") ||
		strings.Contains(b.HTML, "<details open") {
		t.Errorf("the answer must stand in a closed <details>:\n%s", b.HTML)
	}
	if b.Text != "Predict. Is a < b?\nThe answer: Yes & no.\n" {
		t.Errorf("text form is %q", b.Text)
	}
}

func TestParamReadsTheEnvironment(t *testing.T) {
	if got, err := param("test epochs", 12); got != 12 || err != nil {
		t.Errorf("without the variable: %v, %v", got, err)
	}
	t.Setenv("COLLAPSE_PARAM_TEST_EPOCHS", "3")
	if got, err := param("test epochs", 12); got != 3 || err != nil {
		t.Errorf("a whole number: %v, %v", got, err)
	}
	if got, err := param("test epochs", 0.5); got != 3 || err != nil {
		t.Errorf("a number: %v, %v", got, err)
	}
	if got, err := param("test epochs", "a"); got != "3" || err != nil {
		t.Errorf("a text: %v, %v", got, err)
	}
	t.Setenv("COLLAPSE_PARAM_TEST_EPOCHS", "many")
	if _, err := param("test epochs", 12); err == nil || !strings.Contains(err.Error(), "COLLAPSE_PARAM_TEST_EPOCHS") ||
		!strings.Contains(err.Error(), "whole number") {
		t.Errorf("a word gave %v, want the variable and what it takes", err)
	}
	if _, err := param("test epochs", false); err == nil {
		t.Error("a word for true or false gave no error")
	}
	t.Setenv("COLLAPSE_PARAM_TEST_EPOCHS", "")
	if got, err := param("test epochs", 12); got != 12 || err != nil {
		t.Errorf("an empty variable: %v, %v", got, err)
	}
}
