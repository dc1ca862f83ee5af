package nb

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/reproduce"
)

// Reproduce shows a figure, table or theorem by its id in figures.All as `collapse reproduce` draws it
// from the committed records, or stops the cell: nb.Reproduce("fig9"). Unlike Draw it needs no runs:
// a run of the paper's list that is not recorded is named in the picture, with the command that makes
// it. The free-features counterpart of Figures 8 and 10 is not shown.
func Reproduce(id string) {
	d, err := reproduced(id)
	Try(err)
	if d.Table != nil {
		Table(d.Table, nil)
		return
	}
	Show(d.Figure, nil)
}

func reproduced(id string) (reproduce.Drawing, error) {
	item, err := reproduce.ByID(id)
	if err != nil {
		return reproduce.Drawing{}, err
	}
	root, err := Root()
	if err != nil {
		return reproduce.Drawing{}, err
	}
	s, err := reproduce.Given([]string{filepath.Join(root, "records")}, record.Environment{})
	if err != nil {
		return reproduce.Drawing{}, err
	}
	drawn, notes, err := reproduce.Draw(item, s, reproduce.Options{})
	if err != nil {
		return reproduce.Drawing{}, err
	}
	for _, d := range drawn {
		if d.Name == id {
			return d, nil
		}
	}
	return reproduce.Drawing{}, fmt.Errorf("reproduce %s: nothing to draw; %s", id, strings.Join(notes, "; "))
}
