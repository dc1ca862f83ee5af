package nb

import (
	"math"
	"os"
	"os/exec"
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
		{math.NaN(), cases, "No answer yet. Write yours in the cell above and run both."},
		{math.Inf(1), cases, "Not right. look at Σ_W"},
		{"4", cases, "Not right. look at Σ_W"},
		{" nc1", words, "Right. one"},
		{"NC2", words, "Not right. two"},
		{"NC3", words, "Not right."},
		{"", words, "No answer yet. Write yours in the cell above and run both."},
		{nil, words, "No answer yet. Write yours in the cell above and run both."},
		{[]float64{1, 2.001}, lists, "Right. both"},
		{[]int{1, 2}, lists, "Right. both"},
		{[]float64{1}, lists, "Not right."},
		{[]float64{}, lists, "No answer yet. Write yours in the cell above and run both."},
		{0.001, []Case{Right(0, "none").Within(0.01)}, "Right. none"},
		{1.1, []Case{Right(1, "").Within(0.2)}, "Right."},
		{true, []Case{Right(true, "yes")}, "Right. yes"},
		{false, []Case{Right(true, "yes")}, "Not right."},
	} {
		b, ok := checked(c.answer, c.cases)
		if want := strings.HasPrefix(c.want, "Right."); ok != want {
			t.Errorf("answer %v is right: %t, want %t", c.answer, ok, want)
		}
		if b.Text != c.want {
			t.Errorf("answer %v gives %q, want %q", c.answer, b.Text, c.want)
		}
		if head, _, _ := strings.Cut(c.want, "."); !strings.Contains(b.HTML, "<b>"+head+".</b>") {
			t.Errorf("answer %v: the HTML does not say %q in words:\n%s", c.answer, head, b.HTML)
		}
	}
}

// TestCheckEndsTheCellInGrading runs a check in a process of its own, as a cell is one.
func TestCheckEndsTheCellInGrading(t *testing.T) {
	const variable = "COLLAPSE_TEST_ANSWER"
	if text, has := os.LookupEnv(variable); has {
		Check(text, Right("yes", "because"), Wrong("no", "since"))
		return
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		grade, answer string
		status        int
		says          string
	}{
		{"1", "yes", 0, "Right. because"},
		{"1", "no", 1, "Not right. since"},
		{"1", "", 1, "No answer yet."},
		{"", "no", 0, "Not right. since"},
		{"", "", 0, "No answer yet."},
	} {
		cmd := exec.Command(program, "-test.run=^TestCheckEndsTheCellInGrading$")
		cmd.Env = append(os.Environ(), variable+"="+c.answer, gradeVariable+"="+c.grade)
		out, err := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != c.status || !strings.Contains(string(out), c.says) {
			t.Errorf("%s=%q, answer %q: status %d (%v), want %d, and %q in\n%s", gradeVariable, c.grade, c.answer,
				got, err, c.status, c.says, out)
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
