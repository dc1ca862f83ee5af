package reproduce

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gocollapse/collapse/claims"
	"github.com/gocollapse/collapse/experiments"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/internal/object"
	"github.com/gocollapse/collapse/record"
)

// Need is a run that an item needs.
type Need struct {
	Run    experiments.Run
	Status Status
	Hours  float64 // of this machine that are left to compute; NaN where nothing tells
}

// MarshalJSON writes one object.
func (n Need) MarshalJSON() ([]byte, error) {
	var o object.Object
	o.Field("run", n.Run.Name)
	o.Field("scale", n.Run.Scale)
	o.Field("status", n.Status)
	o.Field("hours", object.Number(n.Hours))
	o.Field("command", n.Run.Command())
	return o.JSON()
}

// Answer is what is known of an item.
type Answer struct {
	Item
	Needs   []Need
	Results []claims.Result // of the claims that depend on it
	Drawn   []Drawing
	Notes   []string // what could not be drawn
	Rate    experiments.Rate
}

// Ask answers for an item from the records that there are, and draws it.
func Ask(item Item, s *State, o Options) (*Answer, error) {
	a := &Answer{Item: item, Rate: s.Rate}
	for _, run := range item.Runs {
		if o.Given || o.Scale != "" && run.Scale != o.Scale {
			continue
		}
		status, hours := s.Status(run)
		a.Needs = append(a.Needs, Need{run, status, hours})
	}
	var err error
	if a.Drawn, a.Notes, err = Draw(item, s, o); err != nil {
		return nil, err
	}
	if len(item.Claims) == 0 {
		return a, nil
	}
	results, err := claims.Decide(s.Records, claims.Options{Given: o.Given})
	if err != nil {
		return nil, err
	}
	a.Results = slices.DeleteFunc(results, func(r claims.Result) bool { return !slices.Contains(item.Claims, r.ID) })
	return a, nil
}

// Files lists the files that were written.
func (a *Answer) Files() []string {
	files := []string{}
	for _, d := range a.Drawn {
		files = append(files, d.Files...)
	}
	return files
}

// MarshalJSON writes one object: id, title, files, needs, claims, tables, notes, rate.
func (a *Answer) MarshalJSON() ([]byte, error) {
	var o object.Object
	o.Field("id", a.ID)
	o.Field("title", a.Title)
	o.Field("files", a.Files())
	o.Field("needs", append([]Need{}, a.Needs...))
	type verdict struct {
		ID      string         `json:"id"`
		Verdict claims.Verdict `json:"verdict"`
		Scale   claims.Scale   `json:"scale"`
	}
	verdicts := []verdict{}
	for _, r := range a.Results {
		verdicts = append(verdicts, verdict{r.ID, r.Verdict, r.Scale})
	}
	o.Field("claims", verdicts)
	tables := []*figures.Table{}
	for _, d := range a.Drawn {
		if d.Table != nil {
			tables = append(tables, d.Table)
		}
	}
	o.Field("tables", tables)
	o.Field("notes", append([]string{}, a.Notes...))
	o.Field("rate", a.Rate.String())
	return o.JSON()
}

// Tables are the answer for a reader: the runs, the tables that were made, and the verdicts.
func (a *Answer) Tables() (tables []*figures.Table) {
	if len(a.Needs) > 0 {
		tables = append(tables, a.needsTable())
	}
	for _, d := range a.Drawn {
		if d.Table != nil {
			tables = append(tables, d.Table)
		}
	}
	if len(a.Results) > 0 {
		tables = append(tables, ClaimsTable(a.Results, false))
	}
	return tables
}

// needsTable has one row for the runs that differ in their seeds alone.
func (a *Answer) needsTable() *figures.Table {
	t := &figures.Table{Title: a.Title,
		Header: []string{"runs", "scale", "seeds", "recorded", "begun", "missing", "hours left"}}
	type row struct {
		name, scale string
		seeds       []string
		of          map[Status]int
		hours       float64
	}
	var rows []*row
	total := map[record.Scale]float64{}
	for _, n := range a.Needs {
		seed := strconv.FormatInt(n.Run.Spec.Seed, 10)
		name := strings.TrimSuffix(n.Run.Name, "-"+seed)
		i := slices.IndexFunc(rows, func(r *row) bool { return r.name == name })
		if i < 0 {
			i = len(rows)
			rows = append(rows, &row{name: name, scale: string(n.Run.Scale), of: map[Status]int{}})
		}
		rows[i].seeds = append(rows[i].seeds, seed)
		rows[i].of[n.Status]++
		rows[i].hours += n.Hours
		total[n.Run.Scale] += n.Hours
	}
	for _, r := range rows {
		t.Rows = append(t.Rows, []string{r.name, r.scale, strings.Join(r.seeds, " "), strconv.Itoa(r.of[Recorded]),
			strconv.Itoa(r.of[Partial]), strconv.Itoa(r.of[Missing]), hoursText(r.hours)})
	}
	var parts []string
	for _, scale := range []record.Scale{record.PaperScale, record.ReducedScale} {
		if h, ok := total[scale]; ok {
			parts = append(parts, fmt.Sprintf("%s hours at %s scale", hoursText(h), scale))
		}
	}
	t.Caption = "Left to compute: " + strings.Join(parts, ", ") + ", " + a.Rate.String() +
		". A run NAME-SEED is made by 'collapse train --spec NAME-SEED --layer-profile', or by --run."
	return t
}

func hoursText(h float64) string {
	switch {
	case math.IsNaN(h):
		return "not known"
	case h == 0:
		return "0"
	case h < 10:
		return strconv.FormatFloat(h, 'f', 1, 64)
	}
	return strconv.FormatFloat(h, 'f', 0, 64)
}

// ClaimsTable lists verdicts. In full it also has each claim's sentence, numbers and reason.
func ClaimsTable(results []claims.Result, full bool) *figures.Table {
	t := &figures.Table{Title: "Verdicts on the paper's claims",
		Header: []string{"claim", "verdict", "effect", "95 % interval", "p", "p (Holm)", "seeds", "seeds needed"}}
	if full {
		t.Header = append(t.Header, "sentence", "note")
	}
	for _, r := range results {
		row := []string{r.ID, r.String(), numberText(r.Effect), "–", numberText(r.P), numberText(r.PHolm),
			countText(r.Seeds), countText(r.SeedsNeeded)}
		if low := numberText(r.Low); low != "–" {
			row[3] = low + " to " + numberText(r.High)
		}
		if full {
			row = append(row, r.Sentence, strings.TrimSpace(r.Note+" "+r.Caveats))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func countText(n int) string {
	if n == 0 {
		return "–"
	}
	return strconv.Itoa(n)
}

func numberText(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return strings.Replace(strconv.FormatFloat(v, 'g', 3, 64), "-", "−", 1)
}
