package report

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gocollapse/collapse/claims"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
)

// site is everything that was read, and what is made of it once for several pages.
type site struct {
	root      string
	date      time.Time
	notebooks []*notebook
	runs      []*run
	groups    []*group
	results   []claims.Result
	limits    []claims.Limit
	entries   []*entry
}

// run is a record with its place.
type run struct {
	*record.Record
	path string // as shown: relative to the project's folder where it lies inside
	name string
	file string // of its page
}

// group is the runs that one figure or table may hold: same data, network and schedule.
type group struct {
	id    string // in addresses and file names
	title string
	runs  []*run
}

// downloads is the site's folder of files to keep: pictures and data behind them.
const downloads = "files"

// files renders the whole site: its files by their names, with forward slashes.
func (s *site) files() (map[string][]byte, error) {
	s.groups = grouped(s.runs)
	for _, e := range figures.All() {
		s.entries = append(s.entries, &entry{Entry: e})
	}
	var jobs errgroup.Group
	jobs.SetLimit(runtime.GOMAXPROCS(0))
	jobs.Go(s.decide)
	for _, e := range s.entries {
		jobs.Go(func() error { return e.make(s.groups) })
	}
	var pages []*page
	add := func(file, title string, body func(*page) (string, error)) *page {
		p := &page{site: s, file: file, title: title, body: body, ids: map[string]bool{"main": true, "top": true}}
		pages = append(pages, p)
		return p
	}
	for i, nb := range s.notebooks {
		p := add(nb.file, nb.title(), nb.body)
		p.within = "lessons"
		p.previous, p.next = neighbours(s.notebooks, i, func(nb *notebook) link { return link{nb.file, nb.title()} })
		jobs.Go(p.write)
	}
	for _, r := range s.runs {
		p := add(r.file, r.title(), r.body)
		p.within = "runs"
		jobs.Go(p.write)
	}
	if err := jobs.Wait(); err != nil {
		return nil, err
	}
	late := len(pages) // these need the verdicts and the drawings
	add("index.html", "Collapse: report", (*page).index)
	add("runs.html", "Runs", (*page).listRuns)
	for i, e := range s.entries {
		p := add(e.file(), e.Name()+": "+e.Title, e.body)
		p.within = "figures"
		p.previous, p.next = neighbours(s.entries, i, func(e *entry) link { return link{e.file(), e.Name()} })
	}
	for _, p := range pages[late:] {
		jobs.Go(p.write)
	}
	if err := jobs.Wait(); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, p := range pages {
		files[p.file] = p.html
	}
	for _, e := range s.entries {
		for _, d := range e.drawn {
			for _, f := range d.files {
				files[f.name] = f.bytes
			}
		}
	}
	return files, nil
}

// neighbours returns the links to the elements before and after element i, empty at the ends.
func neighbours[T any](list []T, i int, to func(T) link) (previous, next link) {
	if i > 0 {
		previous = to(list[i-1])
	}
	if i+1 < len(list) {
		next = to(list[i+1])
	}
	return previous, next
}

// decide finds the verdict on every claim. It takes seconds, so it is called once per site.
func (s *site) decide() (err error) {
	var records []*record.Record
	for _, r := range s.runs {
		records = append(records, r.Record)
	}
	if s.results, err = claims.Decide(records, claims.Options{}); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if s.limits, err = claims.Limits(); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// grouped gathers the runs of each setting: first those on the paper's data sets, then the others,
// in the order of the options.
func grouped(runs []*run) (gs []*group) {
	for _, paper := range []bool{true, false} {
		for _, r := range runs {
			if _, on := record.PaperSets[r.Spec.Dataset]; on != paper {
				continue
			}
			i := slices.IndexFunc(gs, func(g *group) bool { return sameSetting(g.runs[0].Spec, r.Spec) })
			if i < 0 {
				i = len(gs)
				gs = append(gs, &group{title: r.Spec.DataTitle() + ", " + r.Spec.NetworkTitle()})
			}
			gs[i].runs = append(gs[i].runs, r)
		}
	}
	distinguish(gs)
	used := map[string]bool{}
	for _, g := range gs {
		base := slug(strings.ToLower(g.runs[0].Spec.DataTitle() + "-" + g.runs[0].Spec.NetworkTitle()))
		g.id = base
		for i := 2; used[g.id]; i++ {
			g.id = fmt.Sprintf("%s-%d", base, i)
		}
		used[g.id] = true
	}
	return gs
}

// distinguish adds to equal titles the fields in which their settings differ.
func distinguish(gs []*group) {
	byTitle := map[string][]*group{}
	for _, g := range gs {
		byTitle[g.title] = append(byTitle[g.title], g)
	}
	for _, same := range byTitle {
		if len(same) < 2 {
			continue
		}
		setting := func(g *group) record.Spec { return g.runs[0].Spec.Resolve().Setting() }
		var fields []string
		for _, g := range same[1:] {
			for _, d := range record.Differences(setting(same[0]), setting(g)) {
				if !slices.Contains(fields, d.Field) {
					fields = append(fields, d.Field)
				}
			}
		}
		empty := record.Spec{}
		for _, g := range same {
			for _, d := range record.Differences(setting(g), empty) {
				if slices.Contains(fields, d.Field) {
					g.title += ", " + strings.ReplaceAll(d.Field, "_", " ") + " " + strings.Trim(d.A, "[]")
				}
			}
		}
	}
}

// sameSetting tells whether two runs differ in name, loss, δ, seed and length alone.
func sameSetting(a, b record.Spec) bool { return record.Differences(a.Setting(), b.Setting()) == nil }

// atPaperScale says whether all runs of a group are at the paper's scale.
func (g *group) atPaperScale() bool {
	return !slices.ContainsFunc(g.runs, func(r *run) bool { return !r.AtPaperScale() })
}

func (g *group) series() (s []figures.Series) {
	for _, r := range g.runs {
		s = append(s, figures.Series{Record: r.Record})
	}
	return s
}

// runNamed returns the run of a specification's name, nil where there is none.
func (s *site) runNamed(name string) *run {
	for _, r := range s.runs {
		if r.Spec.Name == name {
			return r
		}
	}
	return nil
}
