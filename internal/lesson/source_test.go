package lesson

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// inSource is a source with one exercise.
const inSource = `{"cells":[
 {"cell_type":"markdown","id":"title","metadata":{},"source":["# 09 · The minimiser\n","\n","**Goal.**"]},
 {"cell_type":"code","execution_count":null,"id":"imports","metadata":{},"outputs":[],"source":["import \"m\""]},
 {"cell_type":"code","execution_count":null,"id":"look","metadata":{},"outputs":[],"source":["%%\n","look()"]},
 {"cell_type":"code","execution_count":null,"id":"p","metadata":{"tags":["shared"]},"outputs":[],
  "source":["var p = 1"]},
 {"cell_type":"markdown","id":"exercise-1-text","metadata":{},"source":["**1.** Twice p?"]},
 {"cell_type":"code","execution_count":null,"id":"exercise-1","metadata":{"tags":["exercise"],"nbgrader":{"grade":false,
  "grade_id":"exercise-1","locked":false,"schema_version":3,"solution":true,"task":false}},"outputs":[],
  "source":["func f() int {\n","\tanswer := 0\n","\t// BEGIN SOLUTION\n","\tanswer = 2\n","\t// END SOLUTION\n",
  "\treturn answer\n","}"]},
 {"cell_type":"code","execution_count":null,"id":"exercise-1-check","metadata":{"nbgrader":{"grade":true,
  "grade_id":"exercise-1-check","locked":true,"points":1,"schema_version":3,"solution":false,"task":false}},
  "outputs":[],"source":["%%\n","nb.Check(f())"]},
 {"cell_type":"markdown","id":"exercise-1-solution","metadata":{"tags":["solution"]},"source":["It is 2."]},
 {"cell_type":"markdown","id":"next","metadata":{},"source":["**Next:** 10"]}],
 "metadata":{"kernelspec":{"name":"collapse"}},"nbformat":4,"nbformat_minor":5}`

func parsed(t *testing.T, text string) *Book {
	t.Helper()
	b, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ids(b *Book) (out []string) {
	for _, c := range b.Cells {
		out = append(out, c.ID)
	}
	return out
}

func sourceOf(b *Book, id string) string {
	for _, c := range b.Cells {
		if c.ID == id {
			return strings.Join(c.Source, "")
		}
	}
	return ""
}

func TestStudentHasNoSolution(t *testing.T) {
	b := parsed(t, inSource).Student()
	want := []string{"title", "imports", "look", "p", "exercise-1-text", "exercise-1", "exercise-1-check", "next"}
	if got := ids(b); !slices.Equal(got, want) {
		t.Errorf("cells %q, want %q", got, want)
	}
	if got, want := sourceOf(b, "exercise-1"), "func f() int {\n\tanswer := 0\n\treturn answer\n}"; got != want {
		t.Errorf("the exercise is %q, want %q", got, want)
	}
}

func TestSolutionsHaveWhatTheExercisesNeed(t *testing.T) {
	b := parsed(t, inSource).Solutions()
	want := []string{"title", "imports", "p", "exercise-1-text", "exercise-1", "exercise-1-check",
		"exercise-1-solution"}
	if got := ids(b); !slices.Equal(got, want) {
		t.Errorf("cells %q, want %q", got, want)
	}
	answered := "func f() int {\n\tanswer := 0\n\tanswer = 2\n\treturn answer\n}"
	if got, want := sourceOf(b, "exercise-1"), answered; got != want {
		t.Errorf("the exercise is %q, want %q", got, want)
	}
	if got := sourceOf(b, "title"); !strings.HasPrefix(got, "# 09 · The minimiser: solutions\n") {
		t.Errorf("the title is %q", got)
	}
}

func TestOutputsOfUnchangedCellsAreKept(t *testing.T) {
	old := parsed(t, inSource).Student()
	n := 3
	for _, i := range []int{2, 5} {
		old.Cells[i].Count, old.Cells[i].Outputs = &n, []Output{{Type: "stream", Name: "stdout", Text: "seen\n"}}
	}
	old.Metadata["collapse"] = []byte(`{"outputs_made_from":"abc"}`)
	b := parsed(t, strings.Replace(inSource, "answer := 0", "answer := -1", 1)).Student()
	b.KeepOutputs(old)
	if len(b.Cells[2].Outputs) != 1 || len(b.Cells[5].Outputs) != 0 || b.Saved() != "abc" {
		t.Errorf("an unchanged cell has %d outputs, a changed one %d, sum %q; want 1, 0, abc",
			len(b.Cells[2].Outputs), len(b.Cells[5].Outputs), b.Saved())
	}
}

func TestSourceFaults(t *testing.T) {
	if f := parsed(t, inSource).SourceFaults(); len(f) > 0 {
		t.Errorf("a right source: %q", f)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"no end":      {`"\t// END SOLUTION\n",`, ``, "exercise-1 must have its solution"},
		"wrong order": {`BEGIN SOLUTION`, `END SOLUTION`, "exercise-1 must have its solution"},
		"no marks": {`"\t// BEGIN SOLUTION\n","\tanswer = 2\n","\t// END SOLUTION\n",`, ``,
			"exercise-1 must have its solution"},
		"id twice":   {`"id":"p"`, `"id":"look"`, `"look" is empty or used twice`},
		"no check":   {`"id":"exercise-1-check"`, `"id":"check"`, "exercise 1 has the cells"},
		"no tag":     {`"tags":["solution"]`, `"tags":[]`, "needs the tag solution"},
		"other id":   {`"grade_id":"exercise-1-check"`, `"grade_id":"exercise-2-check"`, "nbgrader's metadata"},
		"not locked": {`"locked":true`, `"locked":false`, "nbgrader's metadata"},
		"with outputs": {`"execution_count":null,"id":"look"`, `"execution_count":1,"id":"look"`,
			"cell look has outputs"},
	} {
		text := strings.Replace(inSource, c.old, c.new, 1)
		if text == inSource {
			t.Fatalf("%s: nothing replaced", name)
		}
		if f := strings.Join(parsed(t, text).SourceFaults(), "; "); !strings.Contains(f, c.want) {
			t.Errorf("%s: %q, want %q in it", name, f, c.want)
		}
	}
}

// TestLessonsFollowTheirSources fails where a lesson or its solutions were changed by hand, or not
// made again after a change of the source.
func TestLessonsFollowTheirSources(t *testing.T) {
	sources, err := filepath.Glob("../../notebooks/sources/*.ipynb")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	for _, folder := range []string{"", "solutions"} {
		lessons, err := filepath.Glob(filepath.Join("../../notebooks", folder, "*.ipynb"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range lessons {
			if source := "../../notebooks/sources/" + filepath.Base(file); !slices.Contains(sources, source) {
				t.Errorf("%s has no source in notebooks/sources", file)
			}
		}
	}
	for _, file := range sources {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		book := parsed(t, string(text))
		name := filepath.Base(file)
		for _, fault := range book.SourceFaults() {
			t.Errorf("sources/%s: %s", name, fault)
		}
		solutions := filepath.Join("solutions", name)
		for made, want := range map[string]*Book{name: book.Student(), solutions: book.Solutions()} {
			text, err := os.ReadFile(filepath.Join("../../notebooks", made))
			if err != nil {
				t.Errorf("%v; run go run ./scripts/lessons generate", err)
				continue
			}
			got := parsed(t, string(text))
			want.KeepOutputs(got)
			b, err := want.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			if string(b) != string(text) {
				t.Errorf("notebooks/%s is not what its source gives; "+
					"change sources/%s and run go run ./scripts/lessons generate", made, name)
			}
		}
	}
}
