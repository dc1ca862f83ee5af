package reproduce

import (
	"testing"

	"github.com/gocollapse/collapse/experiments"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
)

// TestLabelled: a picture of another setting than the first one's says in its legend what differs.
func TestLabelled(t *testing.T) {
	run := func(name string) *record.Record {
		r, err := experiments.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		return &record.Record{Spec: r.Spec}
	}
	first := run("cifar10-twin-ce-2021")
	for name, want := range map[string]string{
		"cifar10-twin-batch64-ls-2021": "LS (δ = 0.05), batch 64",
		"cifar10-twin-long-ce-2021":    "CE, 180 epochs",
		"cifar100-twin-ce-2021":        "CE, CIFAR-100",
	} {
		if got := labelled(figures.Of(run(name)), first)[0].Label; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
