package reproduce

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/claims"
	"github.com/gocollapse/collapse/experiments"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
)

// TestItems: every figure, table and claim is an item with what it needs.
func TestItems(t *testing.T) {
	ids := map[string]bool{}
	for _, item := range Items() {
		if ids[item.ID] || item.Title == "" {
			t.Errorf("%s is there twice or has no title", item.ID)
		}
		ids[item.ID] = true
	}
	for _, e := range figures.All() {
		if !ids[e.ID] {
			t.Errorf("%s is no item", e.ID)
		}
	}
	for _, c := range claims.All() {
		if !ids[c.ID] {
			t.Errorf("%s is no item", c.ID)
		}
	}
	fig4, err := ByID("fig4")
	if err != nil || !slices.Contains(fig4.Claims, "c3.3-ece-rises-late") || !slices.ContainsFunc(fig4.Runs,
		func(r experiments.Run) bool { return r.Name == "cifar10-twin-batch64-ls-2021" }) {
		t.Errorf("Figure 4: %+v, %v", fig4, err)
	}
	kappa, err := ByID("thm4.2")
	if err != nil || len(kappa.Runs) != 0 || !slices.Contains(kappa.Claims, "c4.2-kappa") {
		t.Errorf("Theorem 4.2: %+v, %v", kappa, err)
	}
	claim, err := ByID("c3.3-norms-fall")
	if err != nil || len(claim.Entries) == 0 || claim.Entries[0].ID != "fig3" ||
		len(claim.Runs) != 2*len(experiments.Of(experiments.Sweep, record.ReducedScale)) {
		t.Errorf("%+v, %v", claim, err)
	}
	if _, err := ByID("tabel1"); err == nil || !strings.Contains(err.Error(), "table1") {
		t.Errorf("an unknown id: %v", err)
	}
}

// run makes the record of a planned run up to an epoch.
func run(t *testing.T, name string, last int) *record.Record {
	t.Helper()
	planned, err := experiments.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return &record.Record{Format: record.Format, Version: record.Version, Spec: planned.Spec,
		Scale: planned.Spec.Scale(), Status: record.Finished, Seconds: 3600,
		Data:        record.Data{Train: planned.Images(), Test: 10000},
		Environment: record.Environment{CPU: "A", Cores: 2, Backend: "xla:cpu"}, Epochs: []record.Epoch{{Epoch: last}}}
}

// project makes a folder with records.
func project(t *testing.T, records map[string]*record.Record) string {
	t.Helper()
	root := t.TempDir()
	for file, r := range records {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := r.WriteFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestStatus: a record in either folder counts as far as it got, and what is left has its hours.
func TestStatus(t *testing.T) {
	const ce, ls, other = "cifar10-twin-ce-2021", "cifar10-twin-ls-2021", "cifar10-twin-ls-2022"
	root := project(t, map[string]*record.Record{
		"records/" + ce + ".json": run(t, ce, 60), "runs/" + ce + "/record.json": run(t, ce, 10),
		"runs/" + ls + "/record.json": run(t, ls, 30),
	})
	s, err := Load(root, record.Environment{CPU: "A", Cores: 2, Backend: "xla:cpu"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]Status{ce: Recorded, ls: Partial, other: Missing} {
		planned, err := experiments.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		status, hours := s.Status(planned)
		if status != want {
			t.Errorf("%s is %s, want %s", name, status, want)
		}
		// Both records took an hour; the one of half the epochs says that a run takes longer.
		switch want {
		case Recorded:
			if hours != 0 {
				t.Errorf("a recorded run has %g hours left", hours)
			}
		case Partial:
			if hours < 0.4 || hours > 0.7 {
				t.Errorf("half a run has %g hours left, want about half of 1", hours)
			}
		case Missing:
			if hours != 1 {
				t.Errorf("a run takes %g hours, want 1", hours)
			}
		}
	}
}

// TestCommit: the record is copied as it is, but that only the first seed's keeps its pictures.
func TestCommit(t *testing.T) {
	for name, kept := range map[string]bool{"cifar10-twin-ls-2021": true, "cifar10-twin-ls-2022": false} {
		r := run(t, name, 60)
		r.Epochs[0].Picture = &record.Picture{WH: []float64{1, 0, 0, 1}}
		root := project(t, map[string]*record.Record{"runs/" + name + "/record.json": r})
		planned, _ := experiments.ByName(name)
		to, err := Commit(root, planned)
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(root, "records", name+".json"); to != want {
			t.Errorf("copied to %s, want %s", to, want)
		}
		copied, err := record.ReadFile(to)
		if err != nil {
			t.Fatal(err)
		}
		if !kept {
			r.Epochs[0].Picture = nil
		}
		if got, want := asJSON(t, copied), asJSON(t, r); got != want {
			t.Errorf("%s was copied as %s, want %s", name, got, want)
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestRefused: a damaged, newer or mislabelled record is refused by the name of its file.
func TestRefused(t *testing.T) {
	const name = "cifar10-twin-ce-2021"
	change := func(what string, change func(*record.Record), want string) {
		t.Helper()
		r := run(t, name, 60)
		change(r)
		root := project(t, map[string]*record.Record{"records/" + name + ".json": r})
		refused(t, what, root, name+".json", want)
	}
	change("scale", func(r *record.Record) { r.Scale = record.PaperScale }, "correct its scale")
	change("name", func(r *record.Record) { r.Spec.Name = "cifar10-twin-ls-2021" }, "its run cifar10-twin-ls-2021")
	change("settings", func(r *record.Record) { r.Spec.Decay = 5e-4 }, "decay 0.0005 where 0.005 is planned")
	for what, text := range map[string]string{"damaged": `{"format": "collapse-rec`,
		"newer": `{"format": "` + record.Format + `", "version": 99}`} {
		root := project(t, nil)
		if err := os.MkdirAll(filepath.Join(root, "records"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "records", "x.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		refused(t, what, root, "x.json", map[string]string{"damaged": "JSON", "newer": "version 99"}[what])
	}
}

func refused(t *testing.T, what, root, file, want string) {
	t.Helper()
	if _, err := Load(root, record.Environment{}); err == nil || !strings.Contains(err.Error(), file) ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v; want an error with %s and %q", what, err, file, want)
	}
}

// TestTwoScales: records of two scales are not drawn together unless that is asked for.
func TestTwoScales(t *testing.T) {
	root := project(t, map[string]*record.Record{
		"a.json": run(t, "cifar10-twin-ce-2021", 60), "b.json": run(t, "cifar10-resnet18-ce-2021", 100)})
	s, err := Given([]string{root}, record.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	item, err := ByID("fig1")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Draw(item, s, Options{Given: true}); !errors.Is(err, figures.ErrTwoScales) {
		t.Errorf("two scales: %v", err)
	}
	drawn, _, err := Draw(item, s, Options{Given: true, TwoScales: true})
	if err != nil || len(drawn) != 1 || !strings.Contains(drawn[0].Figure.Alt, "CE, paper scale") ||
		!strings.Contains(drawn[0].Figure.Alt, "CE, reduced scale") {
		t.Errorf("both scales: %+v, %v; want labels with the scales", drawn, err)
	}
	for _, scale := range []record.Scale{record.PaperScale, record.ReducedScale} {
		if drawn, _, err := Draw(item, s, Options{Given: true, Scale: scale}); err != nil || len(drawn) != 1 {
			t.Errorf("%s alone: %d pictures, %v", scale, len(drawn), err)
		}
	}
}

// TestCommitted: everything is drawn from the records of this repository, twice to the same bytes,
// and the answer is JSON with the contract's keys.
func TestCommitted(t *testing.T) {
	s, err := Load("..", record.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := ByID(Everything)
	if err != nil {
		t.Fatal(err)
	}
	var out [2]string
	var answer *Answer
	for i := range out {
		out[i] = t.TempDir()
		if answer, err = Ask(all, s, Options{Out: out[i]}); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(out[0], "*"))
	if err != nil || len(files) != len(answer.Files()) || len(files) < 4*len(figures.All()) {
		t.Errorf("%d files, %v; the answer names %d", len(files), err, len(answer.Files()))
	}
	for _, file := range files {
		a, errA := os.ReadFile(file)
		b, errB := os.ReadFile(filepath.Join(out[1], filepath.Base(file)))
		if errA != nil || errB != nil || len(a) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%s is not the same twice: %v, %v", filepath.Base(file), errA, errB)
		}
	}
	b, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	var keys struct {
		ID, Title string
		Files     []string
		Needs     []struct {
			Run, Scale, Status string
			Hours              *float64
		}
		Claims []struct{ ID, Verdict string }
	}
	if err := json.Unmarshal(b, &keys); err != nil || keys.ID != "all" || keys.Title == "" ||
		len(keys.Needs) != len(experiments.All()) || len(keys.Claims) != 47 || keys.Needs[0].Hours == nil {
		t.Errorf("%v: %d needs, %d claims in %.300s", err, len(keys.Needs), len(keys.Claims), b)
	}
}
