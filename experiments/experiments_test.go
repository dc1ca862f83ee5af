package experiments

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// TestAll: every run has a valid specification of a known data set, its own name, and a scale that
// its specification has.
func TestAll(t *testing.T) {
	all := All()
	names := map[string]bool{}
	for _, r := range all {
		if err := r.Spec.Validate(); err != nil {
			t.Errorf("%s: %v", r.Name, err)
		}
		if r.Spec.Name != r.Name || names[r.Name] || len(r.Kinds) == 0 {
			t.Errorf("%s has the specification %q, of kinds %v", r.Name, r.Spec.Name, r.Kinds)
		}
		names[r.Name] = true
		// The public code's batch of 64 is not the text's: its records say that they are reduced.
		if got := r.Spec.Scale(); got != r.Scale && !slices.Contains(r.Kinds, Batch64) {
			t.Errorf("%s is planned at %s scale, its specification is at %s", r.Name, r.Scale, got)
		}
		if _, ok := record.PaperSets[r.Spec.Dataset]; !ok || TestImages[r.Spec.Dataset] == 0 {
			t.Errorf("%s: data set %s is not the paper's", r.Name, r.Spec.Dataset)
		}
		if slices.Contains(r.Kinds, Tables) || slices.Contains(r.Serves(), "table1") && r.Scale == record.PaperScale {
			for _, epoch := range []int{10, 20, 50, 100} {
				if !r.Spec.Measured(epoch) {
					t.Errorf("%s is not measured at epoch %d of Table 1", r.Name, epoch)
				}
			}
		}
	}
	for _, name := range strings.Fields(`cifar10-twin-ce-2025 cifar10-twin-ls-2021 cifar10-twin-ls0.95-2023
		cifar10-ufm-twin-ls0.4-2021 cifar100-twin-ls-2023 tiny-imagenet-twin-ce-2021 stl10-resnet50-ls-2021
		cifar10-narrow-ce-2021 cifar10-twin-long-ls-2021 cifar10-twin-batch64-ce-2021`) {
		if !names[name] {
			t.Errorf("no run is called %s", name)
		}
	}
	if _, err := ByName("cifar10-twin-ls0.3-2021"); !errors.Is(err, fs.ErrNotExist) ||
		!strings.Contains(err.Error(), "did you mean cifar10-twin-ls0.") {
		t.Errorf("an unknown run: %v", err)
	}
}

// TestFor: what each figure and table is drawn from, at both scales.
func TestFor(t *testing.T) {
	for id, want := range map[string][2]int{
		"fig1":   {6 + 6 + 12 + 6 + 6, 10 + 2 + 6 + 6},
		"fig3":   {30 + 30, 30 + 30},
		"fig7":   {6 + 6, 10},
		"fig8":   {6, 18},
		"table1": {6 + 6 + 12 + 6 + 6, 2 + 10 + 6 + 6},
		"thm4.2": {},
	} {
		var got [2]int
		for _, r := range For(id) {
			if r.Scale == record.PaperScale {
				got[0]++
			} else {
				got[1]++
			}
		}
		if got != want {
			t.Errorf("%s is drawn from %d runs at the paper's scale and %d twins, want %d", id, got[0], got[1], want)
		}
	}
	tables := slices.DeleteFunc(For("table1"), func(r Run) bool { return r.Scale != record.ReducedScale })
	if tables[0].Name != "cifar10-narrow-ce-2021" {
		t.Errorf("the reduced Table 1 begins with %s, want the run that takes the paper's steps", tables[0].Name)
	}
	sweep := Of(Sweep, record.ReducedScale)
	deltas := map[float64]int{}
	for _, r := range sweep {
		deltas[r.Spec.Delta]++
	}
	want := map[float64]int{0: 3, .02: 3, .05: 3, .08: 3, .1: 3, .2: 3, .5: 3, .8: 3, .9: 3, .95: 3}
	if !reflect.DeepEqual(deltas, want) {
		t.Errorf("the δ sweep has %v, want %v", deltas, want)
	}
}

// TestIntrinsicTime: the paper's runs, and what the twins keep of it.
func TestIntrinsicTime(t *testing.T) {
	near := func(name string, epochs int, want float64) {
		t.Helper()
		r, err := ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Spec.IntrinsicTime(r.Images(), epochs); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s has intrinsic time %.12g after %d epochs, want %.12g", name, got, epochs, want)
		}
	}
	// 50,000 images are 391 steps of 128, 5,000 are 40.
	near("cifar10-resnet18-800-ce-2021", 150, 0.05*5e-4*391*150)
	near("cifar10-resnet18-800-ls0.1-2021", 800, 5e-4*391*(0.05*150+0.005*200+0.0005*450))
	near("cifar10-twin-ce-2021", 40, 0.05*5e-3*40*40)
	near("cifar10-twin-ce-2021", 60, 5e-3*40*(0.05*40+0.005*12+0.0005*8))
	near("cifar100-twin-ls-2021", 60, 5e-3*40*(0.05*40+0.005*12+0.0005*8))
	near("tiny-imagenet-twin-ls-2021", 60, 5e-3*40*(0.05*40+0.005*12+0.0005*8))
	near("cifar10-twin-long-ce-2021", 180, 3*5e-3*40*(0.05*40+0.005*12+0.0005*8))
	near("cifar10-ufm-twin-ce-2021", 40, 0.05*1e-3*40*40)
	near("cifar10-narrow-ce-2021", 100, 0.05*5e-4*391*100)
}

// TestFiles: a specification of the folder that a plan also gives is the same in both, so that one
// of them is not changed alone.
func TestFiles(t *testing.T) {
	for file, run := range map[string]string{
		"cifar10-resnet18-ce": "cifar10-resnet18-ce-2021", "cifar10-resnet18-ls": "cifar10-resnet18-ls-2021",
		"cifar10-resnet18-800-ce": "cifar10-resnet18-800-ce-2021",
		"cifar10-resnet18-800-ls": "cifar10-resnet18-800-ls-2021",
		"cifar10-twin-ce":         "cifar10-twin-ce-2021", "cifar10-twin-ls": "cifar10-twin-ls-2021",
		"cifar100-resnet50-ce": "cifar100-resnet50-ce-2021", "cifar100-resnet50-ls": "cifar100-resnet50-ls-2021",
	} {
		var of, planned record.Spec
		for name, to := range map[string]*record.Spec{file: &of, run: &planned} {
			b, err := JSON(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(b, to); err != nil {
				t.Fatal(err)
			}
		}
		if d := record.Differences(of.Without("name"), planned.Without("name")); d != nil {
			t.Errorf("%s differs from %s.json in %v", run, file, d)
		}
	}
}
