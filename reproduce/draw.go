package reproduce

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gocollapse/collapse/experiments"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/ufm"
)

// Options say what is drawn from which records.
type Options struct {
	Out   string       // folder of the files; "" writes none
	Scale record.Scale // of the records; "" takes the paper's where a record has it, else the reduced
	// TwoScales draws records of both scales together, with labels that say which is which.
	TwoScales bool
	// Given says that the state holds a user's own records: all of them are drawn.
	Given bool
}

// Drawing is a figure or table that was made.
type Drawing struct {
	Name   string // of its files, without an ending
	Figure *figures.Figure
	Table  *figures.Table
	Files  []string // that were written
}

// Draw makes the pictures and tables of an item from the records that there are, and writes their
// files. The notes say what could not be drawn, and why.
//
// Records of one setting are drawn together. The first setting's file has the item's id as its
// name, others have the name of their runs added.
func Draw(item Item, s *State, o Options) (drawn []Drawing, notes []string, err error) {
	for _, e := range item.Entries {
		made, note, err := drawEntry(e, s, o)
		if err != nil {
			return drawn, notes, fmt.Errorf("%s: %w", e.ID, err)
		}
		if note != "" {
			notes = append(notes, e.ID+": "+note)
		}
		for i := range made {
			if err := made[i].write(o.Out); err != nil {
				return drawn, notes, err
			}
		}
		drawn = append(drawn, made...)
	}
	return drawn, notes, nil
}

func drawEntry(e figures.Entry, s *State, o Options) (drawn []Drawing, note string, err error) {
	var computed []Drawing
	if e.Theory != nil {
		f, err := e.Theory(ufm.PaperParams())
		if err != nil || !e.FromRecords() {
			return []Drawing{{Name: e.ID, Figure: f}}, "", err
		}
		computed = []Drawing{{Name: e.ID + "-free", Figure: f}}
	}
	groups, err := s.groups(e, o)
	if err != nil {
		return nil, "", err
	}
	var first *record.Record
	for _, g := range groups {
		runs := e.From(g.runs...)
		if len(runs) == 0 && o.Given {
			runs = g.runs // the error says what they lack
		}
		if len(runs) == 0 {
			continue
		}
		d := Drawing{Name: e.ID}
		if len(drawn) > 0 {
			d.Name += "-" + g.name
			if e.Figure != nil {
				runs = labelled(runs, first)
			}
		} else {
			first = runs[0].Record
		}
		if e.Table != nil {
			d.Table, err = e.Table(runs...)
		} else {
			d.Figure, err = e.Figure(runs...)
		}
		if err != nil {
			return nil, "", err
		}
		drawn = append(drawn, d)
	}
	if len(drawn) == 0 || !recorded(groups) {
		note = "no record has what it needs (" + e.Needs + ")"
	}
	return append(drawn, computed...), note, nil
}

// labelled adds to the labels of runs in what their setting differs from the first picture's: the data
// set, else the number of epochs, else each field.
func labelled(runs []figures.Series, first *record.Record) []figures.Series {
	runs = slices.Clone(runs)
	for i, s := range runs {
		if s.Record == nil || first == nil {
			continue
		}
		spec := s.Record.Spec
		var apart []string
		for _, d := range record.Differences(spec.Setting(), first.Spec.Setting()) {
			apart = append(apart, strings.ReplaceAll(d.Field, "_", " ")+" "+d.A)
		}
		switch {
		case spec.Dataset != first.Spec.Dataset:
			apart = []string{record.DataName(spec.Dataset)}
		case spec.Epochs != first.Spec.Epochs:
			apart = []string{fmt.Sprintf("%d epochs", spec.Epochs)}
		}
		runs[i].Label = strings.Join(append([]string{spec.Loss.String()}, apart...), ", ")
	}
	return runs
}

// recorded reports whether groups hold a record.
func recorded(groups []*group) bool {
	return slices.ContainsFunc(groups, func(g *group) bool {
		return slices.ContainsFunc(g.runs, func(s figures.Series) bool { return s.Record != nil })
	})
}

// group is the records of one setting.
type group struct {
	name    string
	setting record.Spec
	runs    []figures.Series
}

// groups are the records that an entry is drawn from, by their setting, at the scale that is asked
// for.
func (s *State) groups(e figures.Entry, o Options) (groups []*group, err error) {
	records, names := s.Records, map[string]string{}
	if !o.Given && e.DataSets {
		return s.withMissing(e, o)
	}
	if !o.Given {
		records = nil
		for _, run := range experiments.For(e.ID) {
			if r := s.Of(run); r != nil {
				records = append(records, r)
				names[run.Name] = run.Group
			}
		}
	}
	records, err = atScale(records, o)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		setting := r.Spec.Setting()
		i := slices.IndexFunc(groups, func(g *group) bool {
			// A figure shows what a user gives together, a table only what is of one setting.
			return o.Given && e.Figure != nil || record.Differences(g.setting, setting) == nil
		})
		if i < 0 {
			i = len(groups)
			name := cmp.Or(names[r.Spec.Name], strconv.Itoa(i+1))
			groups = append(groups, &group{name: name, setting: setting})
		}
		groups[i].runs = append(groups[i].runs, figures.Series{Record: r, ShowScale: o.TwoScales})
	}
	return groups, nil
}

// withMissing gathers the records of all data sets that an entry is drawn from, and the planned runs
// of the same scale that are not recorded, for one figure that names those. Of a data set without
// runs at this scale, as STL-10 has no twin, those at the other are named.
func (s *State) withMissing(e figures.Entry, o Options) ([]*group, error) {
	var records []*record.Record
	for _, run := range experiments.For(e.ID) {
		if r := s.Of(run); r != nil {
			records = append(records, r)
		}
	}
	records, err := atScale(records, o)
	if err != nil {
		return nil, err
	}
	g := &group{}
	scale := cmp.Or(o.Scale, record.ReducedScale)
	for _, r := range records {
		g.runs = append(g.runs, figures.Series{Record: r, ShowScale: o.TwoScales})
		scale = scaleOf(r)
	}
	planned, sets := experiments.For(e.ID), map[string]bool{}
	for _, run := range planned {
		sets[run.Spec.Dataset] = sets[run.Spec.Dataset] || run.Scale == scale
	}
	for _, run := range planned {
		if s.Of(run) != nil || run.Scale != scale && sets[run.Spec.Dataset] {
			continue
		}
		missing := figures.Missing{Spec: run.Spec, Command: "collapse reproduce " + e.ID + " --run"}
		if run.Scale == record.PaperScale {
			missing.Command += " --scale paper"
		}
		g.runs = append(g.runs, figures.Series{Missing: &missing})
	}
	return []*group{g}, nil
}

func scaleOf(r *record.Record) record.Scale {
	if r.AtPaperScale() {
		return record.PaperScale
	}
	return record.ReducedScale
}

// atScale takes the records of one scale, or all where both are asked for.
func atScale(records []*record.Record, o Options) ([]*record.Record, error) {
	has := map[record.Scale]bool{}
	for _, r := range records {
		has[scaleOf(r)] = true
	}
	scale := o.Scale
	switch {
	case o.TwoScales:
		return records, nil
	case scale == "" && o.Given && len(has) > 1:
		return nil, figures.ErrTwoScales
	case scale == "" && has[record.PaperScale]:
		scale = record.PaperScale
	case scale == "":
		scale = record.ReducedScale
	}
	return slices.DeleteFunc(slices.Clone(records), func(r *record.Record) bool { return scaleOf(r) != scale }), nil
}

// write writes a drawing's files into a folder: of a figure the picture, its numbers and its words,
// of a table the forms in which it is read.
func (d *Drawing) write(out string) error {
	if out == "" {
		return nil
	}
	var files []file
	if f := d.Figure; f != nil {
		files = []file{{".svg", f.SVG}, {".png", f.PNG}, {".txt", []byte(words(f))}}
		pdf, err := f.PDF()
		if err != nil {
			return err
		}
		files = append(files, file{".pdf", pdf})
		if numbers := f.CSV(); numbers != nil {
			files = append(files, file{".csv", numbers})
		}
	} else {
		t := d.Table
		csv, err := t.CSV()
		if err != nil {
			return err
		}
		files = []file{{".txt", []byte(t.Text())}, {".csv", csv}, {".md", []byte(t.Markdown())},
			{".html", []byte(t.HTML())}, {".tex", []byte(t.TeX())}}
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(out, d.Name+f.ending)
		if err := atomic.WriteFile(path, f.text); err != nil {
			return err
		}
		d.Files = append(d.Files, path)
	}
	return nil
}

type file struct {
	ending string
	text   []byte
}

// words are a figure's title, caption and alternative text.
func words(f *figures.Figure) string {
	head := f.Title
	if f.Number != "" {
		head = "Figure " + f.Number + ". " + f.Title
	}
	return head + ".\n\n" + f.Caption + "\n\nAlternative text: " + f.Alt + "\n"
}
