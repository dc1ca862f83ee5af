package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/record"
)

// call runs one command line.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// callJSON runs a command line that must succeed and decodes its answer into v.
func callJSON(t *testing.T, v any, args ...string) {
	t.Helper()
	code, stdout, stderr := call(t, args...)
	if code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), v); err != nil {
		t.Fatalf("%v: not JSON: %v\n%s", args, err, stdout)
	}
}

// refusal is a command line that must fail.
type refusal struct {
	args []string // after the command
	code int
	want string // on standard error
}

func checkRefused(t *testing.T, command string, cases []refusal) {
	t.Helper()
	for _, c := range cases {
		code, _, stderr := call(t, slices.Concat(strings.Fields(command), c.args)...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%s %v: exit code %d, want %d with %q: %s", command, c.args, code, c.code, c.want, stderr)
		}
	}
}

// checkFiles checks that each file is there and holds a text.
func checkFiles(t *testing.T, want map[string]string) {
	t.Helper()
	for path, text := range want {
		if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), text) {
			t.Errorf("%s: %v, want it to hold %q", path, err, text)
		}
	}
}

// A message is what a command line that must fail says: all of want, on standard error.
type message struct {
	name string
	args []string
	code int
	want []string
}

func checkMessages(t *testing.T, messages []message) {
	t.Helper()
	for _, m := range messages {
		t.Run(m.name, func(t *testing.T) {
			code, _, stderr := call(t, m.args...)
			if code != m.code {
				t.Errorf("exit code %d, want %d; %s", code, m.code, stderr)
			}
			for _, w := range m.want {
				if !strings.Contains(stderr, w) {
					t.Errorf("standard error lacks %q:\n%s", w, stderr)
				}
			}
		})
	}
}

// noRecord is a path without a record.
const noRecord = "testdata/absent"

func TestTrainMessages(t *testing.T) {
	badSpec := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(badSpec, []byte(`{"dataset":"cifar10","epoch":3}`), 0o600); err != nil {
		t.Fatal(err)
	}
	checkMessages(t, []message{
		{"no such command", []string{"trian"}, exitUsage, []string{"trian", "did you mean train?"}},
		{"no such command below", []string{"records", "sumary"}, exitUsage, []string{"did you mean summary?"}},
		{"no such flag", []string{"train", "--detla", "0.1"}, exitUsage,
			[]string{"detla", "did you mean --delta?", "collapse train --help"}},
		{"flag without a number", []string{"train", "--epochs", "many"}, exitUsage, []string{"epochs", "many"}},
		{"every fault at once",
			[]string{"train", "--model", "vgg", "--loss", "hinge", "--delta", "1", "--epochs", "0"}, exitUsage,
			[]string{`model: unknown "vgg"`, `loss: unknown "hinge"`, "delta: 1 given", "epochs: 0"}},
		{"δ with ce", []string{"train", "--delta", "0.05"}, exitUsage, []string{"belongs to loss ls"}},
		{"name that is no specification", []string{"train", "--spec", "fashion-resnet18-cee"}, exitInput,
			[]string{"did you mean fashion-resnet18-ce?"}},
		{"seed and seeds", []string{"train", "--seed", "1", "--seeds", "1,2"}, exitUsage, []string{"give one of them"}},
		{"jobs of one run", []string{"train", "--jobs", "2"}, exitUsage, []string{"--seeds"}},
		{"checkpoint beyond the run", []string{"train", "--keep", "801", "--max-minutes", "-1"}, exitUsage,
			[]string{"--keep 801", "1 to 800", "--max-minutes"}},
		{"begin and go on",
			[]string{"train", "--init", "w.npz", "--resume", "--out", "../../record/testdata/run"}, exitUsage,
			[]string{"leave one"}},
		{"no such specification", []string{"train", "--spec", noRecord}, exitInput, []string{"absent"}},
		{"specification with an unknown field", []string{"train", "--spec", badSpec}, exitInput,
			[]string{"bad.json", "epoch"}},
		{"resume without a folder", []string{"train", "--resume"}, exitUsage, []string{"--out"}},
		{"resume of nothing", []string{"train", "--resume", "--out", noRecord}, exitInput,
			[]string{"nothing to resume", "absent"}},
	})
}

func TestFeatureMessages(t *testing.T) {
	checkMessages(t, []message{
		{"features of nothing", []string{"features"}, exitUsage, []string{"--run"}},
		{"features to nowhere", []string{"features", "--run", noRecord}, exitUsage, []string{"--out"}},
		{"features of no run", []string{"features", "--run", noRecord, "--out", "x.npz"}, exitInput,
			[]string{"absent"}},
		{"features of a run, and its network",
			[]string{"features", "--run", noRecord, "--out", "x.npz", "--model", "cnn"}, exitUsage,
			[]string{"--model", "--weights"}},
		{"features of two networks",
			[]string{"features", "--run", noRecord, "--weights", "w.npz", "--out", "x.npz"}, exitUsage,
			[]string{"one of them"}},
		{"weights of no run", []string{"weights", "--run", noRecord, "--out", "x.npz"}, exitInput, []string{"absent"}},
		{"summary of no record", []string{"records", "summary", noRecord}, exitInput, []string{"absent"}},
		{"calibration of no split", []string{"calibrate", "--logits", "x.npz", "--split", "val"}, exitUsage,
			[]string{"labels, test"}},
	})
}

func TestResultMessages(t *testing.T) {
	checkMessages(t, []message{
		{"figure that is not there", []string{"reproduce", "figg4", "x"}, exitUsage, []string{`"figg4"`, "fig4"}},
		{"claim that is not there", []string{"reproduce", "c3.1-ls-faster-nc9"}, exitUsage,
			[]string{"c3.1-ls-faster-nc1", "c3.1-ls-faster-nc2"}},
		{"nothing to reproduce", []string{"reproduce"}, exitUsage, []string{"fig6"}},
		{"form of a table that is not there",
			[]string{"reproduce", "table2", "--format", "xml"}, exitUsage, []string{"xml", "md"}},
		{"table 2 of another set", []string{"reproduce", "table2", "../../record/testdata/v1-later.json"}, exitInput,
			[]string{"CIFAR-100"}},
		{"table of no record", []string{"reproduce", "table1", noRecord}, exitInput, []string{"absent"}},
		{"records to train", []string{"reproduce", "table1", noRecord, "--run"}, exitUsage,
			[]string{"leave the records"}},
		{"no time", []string{"reproduce", "table1", "--run", "--budget", "0s"}, exitUsage, []string{"--budget"}},
		{"claims of no record", []string{"claims", noRecord}, exitInput, []string{"absent"}},
		{"picture with an unknown ending", []string{"images", "fashion-mnist-small", "--out", "x.bmp"}, exitUsage,
			[]string{".svg", ".png"}},
		{"data set that is not there", []string{"fetch", "imagenet"}, exitInput, []string{"imagenet"}},
		{"two sets from one file", []string{"fetch", "cifar10", "fashion-mnist-small", "--from", "x"}, exitUsage,
			[]string{"--from"}},
	})
}

// Each table of the paper is printed in each form, JSON with the same cells as the text.
func TestTables(t *testing.T) {
	const stem = "../../records/cifar10-resnet18-w16-500-"
	records := []string{stem + "ce.json", stem + "ls.json"}
	for number, cell := range map[string]string{"1": "21.23", "2": "−1.84"} { // the paper's
		for form, want := range map[string]string{
			"text": "Table " + number + ".", "md": "**Table " + number + ".",
			"tex":  `\begin{tabular}`,
			"html": "<table>", "json": `"Number": "` + number + `"`,
		} {
			args := append([]string{"reproduce", "table" + number, "--format", form}, records...)
			code, stdout, stderr := call(t, args...)
			plain := strings.ReplaceAll(stdout, "$-$", "−")
			if code != 0 || !strings.Contains(stdout, want) || !strings.Contains(plain, cell) {
				t.Errorf("table %s as %s: exit code %d, want 0, %q and %q in\n%s%s",
					number, form, code, want, cell, stdout, stderr)
			}
			if form != "json" {
				continue
			}
			var answer struct {
				Tables []struct {
					Header []string
					Rows   [][]string
				}
			}
			err := json.Unmarshal([]byte(stdout), &answer)
			if err != nil || len(answer.Tables) != 1 || len(answer.Tables[0].Rows) == 0 ||
				len(answer.Tables[0].Rows[0]) != len(answer.Tables[0].Header) {
				t.Errorf("table %s: %v, %+v", number, err, answer)
			}
		}
	}
}

// resolve parses a train command line as far as its specification.
func resolve(t *testing.T, args ...string) record.Spec {
	t.Helper()
	s := record.DefaultSpec()
	var file string
	c := &cobra.Command{}
	c.Flags().StringVar(&file, "spec", "", "")
	addSpecFlags(c.Flags(), &s)
	if err := c.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	spec, err := resolveSpec(c, s, specSources{file: file})
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestSpecificationSources(t *testing.T) {
	paper := resolve(t)
	if paper.Name != "cifar10-resnet18-w64-ce-s2021" || paper.Epochs != 800 || paper.Scale() != record.PaperScale {
		t.Errorf("the default is not the paper's run: %+v", paper)
	}
	if ls := resolve(t, "--loss", "ls"); ls.Delta != 0.05 {
		t.Errorf("loss ls without a δ: δ = %v, want the paper's 0.05", ls.Delta)
	}

	want := record.DefaultSpec()
	want.Name, want.Width, want.Epochs, want.Milestones, want.Seed = "mine", 8, 30, []int{10, 20}, 7
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "spec.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	got := resolve(t, "--spec", file)
	if got.Name != "mine" || got.Width != 8 || got.Epochs != 30 || len(got.Milestones) != 2 {
		t.Errorf("the file's fields are lost: %+v", got)
	}
	// A flag that repeats a default still overrides the file.
	got = resolve(t, "--spec", file, "--width", "64", "--milestones", "5,6,7", "--loss", "ls", "--delta", "0.2")
	if got.Width != 64 || got.Delta != 0.2 || got.Epochs != 30 || len(got.Milestones) != 3 || got.Milestones[2] != 7 {
		t.Errorf("flags do not override the file: %+v", got)
	}
}

// Every field of a specification has its flag, by its JSON name with dashes.
func TestSpecificationFlags(t *testing.T) {
	var s record.Spec
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	addSpecFlags(f, &s)
	var fields map[string]any
	if err := json.Unmarshal([]byte(record.DefaultSpec().String()), &fields); err != nil {
		t.Fatal(err)
	}
	for field := range fields {
		name := strings.ReplaceAll(field, "_", "-")
		if flag := f.Lookup(name); flag == nil || flag.Usage == "" {
			t.Errorf("no flag --%s with a help", name)
		}
	}
	got := resolve(t, "--dataset", "folder:/a/b.c", "--model", "mlp", "--optimizer", "adamw", "--schedule", "cosine",
		"--epochs", "7", "--focal-gamma", "3", "--loss", "focal", "--measure", "1,5", "--flip",
		"--precision", "bfloat16", "--decay-on", "weights")
	if got.Depth != 2 || got.Optimizer != "adamw" || got.ScheduleEpochs != 7 || len(got.Milestones) != 0 ||
		got.Measure != "1,5" || !got.Flip || got.Precision != "bfloat16" {
		t.Errorf("%+v", got)
	}
	if got.Name != "b-mlp-w64-focal3-s2021" {
		t.Errorf("name %q", got.Name)
	}
	if ufm := resolve(t, "--lambda-w", "1e-3", "--lambda-h", "1e-6"); ufm.Decay != 0 {
		t.Errorf("decay %v together with the UFM's penalty", ufm.Decay)
	}
}

// The names that record knows without importing GoMLX are those of the packages that
// mean something by them.
func TestNames(t *testing.T) {
	var sets []string
	for _, a := range data.List() {
		sets = append(sets, a.Name)
	}
	for what, pair := range map[string][2][]string{
		"data sets": {record.Datasets, sets}, "models": {record.Models, models.Names()},
	} {
		if !slices.Equal(pair[0], pair[1]) {
			t.Errorf("%s: record has %v, the package %v", what, pair[0], pair[1])
		}
	}
	for _, p := range record.Prefixes {
		// A prefix is known where the path, not the name, is what is missing.
		_, err := data.Open(t.Context(), p+filepath.Join(t.TempDir(), "absent"), data.Options{})
		if err == nil || strings.Contains(err.Error(), "unknown set") {
			t.Errorf("package data does not know %s: %v", p, err)
		}
	}
}

// TestExperiments holds every committed specification valid, named as its file,
// and written in full, so that a later default cannot change what it means.
func TestExperiments(t *testing.T) {
	files, err := filepath.Glob("../../experiments/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no specification: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		spec, err := record.ReadSpec(bytes.NewReader(b))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if want := strings.TrimSuffix(filepath.Base(file), ".json"); spec.Name != want {
			t.Errorf("%s: name %q, want %q", file, spec.Name, want)
		}
		var fields, all map[string]any
		full, _ := json.Marshal(spec)
		if json.Unmarshal(b, &fields) != nil || json.Unmarshal(full, &all) != nil || len(fields) != len(all) {
			t.Errorf("%s gives %d of %d fields", file, len(fields), len(all))
		}
	}
}
