package nb

import (
	"strings"
	"testing"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
)

// TestReproduceNamesWhatIsMissing holds that a lesson's figure is there whatever is recorded, and names
// the runs that are not.
func TestReproduceNamesWhatIsMissing(t *testing.T) {
	for _, id := range []string{"fig3", "fig6", "fig9", "fig10", "table1"} {
		d, err := reproduced(id)
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		if (d.Figure == nil) == (d.Table == nil) {
			t.Errorf("%s: want a figure or a table", id)
		}
	}
	d, err := reproduced("fig10")
	if err != nil {
		t.Fatal(err)
	}
	text := figureText(d.Figure)
	if strings.Contains(text, "Planned and not recorded") != strings.Contains(text, "collapse reproduce fig10") {
		t.Errorf("a missing run comes with the command that makes it; found %q", text)
	}
	if _, err := reproduced("fig99"); err == nil || !strings.Contains(err.Error(), "fig9") {
		t.Errorf("an unknown id gives %v", err)
	}
}

// TestDrawLooksAtRunsTogether holds that a figure against δ takes runs of two δ, and says of one what is
// missing.
func TestDrawLooksAtRunsTogether(t *testing.T) {
	e, err := figures.ByID("fig3")
	if err != nil {
		t.Fatal(err)
	}
	ce, ls := Run("cifar10-twin-ce-2021"), Run("cifar10-twin-ls-2021")
	if err := lacking(e, []*record.Record{ce, ls}); err != nil {
		t.Errorf("two δ: %v", err)
	}
	if err := lacking(e, []*record.Record{ce}); err == nil || !strings.Contains(err.Error(), "two δ") {
		t.Errorf("one δ gives %v", err)
	}
}
