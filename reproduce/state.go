package reproduce

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/experiments"
	"github.com/gocollapse/collapse/internal/edit"
	"github.com/gocollapse/collapse/record"
)

// Status says how much of a planned run there is.
type Status string

// The three of them.
const (
	Recorded Status = "recorded" // to the last epoch
	Partial  Status = "partial"  // begun
	Missing  Status = "missing"
)

// Folders of a project.
const (
	RecordsFolder = "records" // of what is committed
	RunsFolder    = "runs"    // where runs are trained, with their checkpoints
)

// State is the records that there are.
type State struct {
	Records []*record.Record // in the order of their names
	Rate    experiments.Rate // how fast this machine trains

	byName    map[string]*record.Record
	committed []*record.Record
}

// Committed returns the records of records/ alone.
func (s *State) Committed() []*record.Record { return s.committed }

// Load reads the records of a project: the files of records/, and the runs of package experiments in
// runs/. Of a run that is in both, the one that got further counts.
//
// A record that is damaged, of a newer version or mislabelled is an error that names it: one whose
// file has another name than its run, that says that it is at a scale which it is not, or that has
// the name of a planned run with other settings.
func Load(root string, here record.Environment) (*State, error) {
	files, err := filepath.Glob(filepath.Join(root, RecordsFolder, "*.json"))
	if err != nil {
		return nil, err
	}
	s := &State{byName: map[string]*record.Record{}}
	for _, file := range files {
		r, err := record.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if want := strings.TrimSuffix(filepath.Base(file), ".json"); r.Spec.Name != want {
			return nil, fmt.Errorf("%s: the file is called %s, its run %s; rename one of them", file, want, r.Spec.Name)
		}
		if err := s.add(r, file); err != nil {
			return nil, err
		}
		s.committed = append(s.committed, r)
	}
	for _, run := range experiments.All() {
		file := filepath.Join(root, filepath.FromSlash(run.Folder()), "record.json")
		r, err := record.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = s.add(r, file)
		}
		if err != nil {
			return nil, err
		}
	}
	s.finish(here)
	return s, nil
}

// Given returns the state of records that a user gives as files or folders.
func Given(paths []string, here record.Environment) (*State, error) {
	records, err := record.ReadAll(paths...)
	if err != nil {
		return nil, err
	}
	s := &State{byName: map[string]*record.Record{}}
	for _, r := range records {
		if err := r.CheckScale(); err != nil {
			return nil, err
		}
		s.Records = append(s.Records, r)
		s.byName[r.Spec.Name] = r
	}
	s.Rate = experiments.RateOf(s.Records, here)
	return s, nil
}

func (s *State) add(r *record.Record, file string) error {
	if err := r.CheckScale(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	name := r.Spec.Name
	if run, err := experiments.ByName(name); err == nil {
		free := []string{"measure", "devices"}
		if d := record.Differences(r.Spec.Without(free...), run.Spec.Without(free...)); d != nil {
			return fmt.Errorf("%s: it has the name of a planned run, but %s; rename it", file, differ(d))
		}
	}
	if old := s.byName[name]; old == nil || epochs(old) < epochs(r) {
		s.byName[name] = r
	}
	return nil
}

func (s *State) finish(here record.Environment) {
	for _, r := range s.byName {
		s.Records = append(s.Records, r)
	}
	slices.SortFunc(s.Records, func(a, b *record.Record) int { return cmp.Compare(a.Spec.Name, b.Spec.Name) })
	s.Rate = experiments.RateOf(s.Records, here)
}

// differ says in which fields a record differs from what was planned.
func differ(ds []record.Difference) string {
	var parts []string
	for _, d := range ds {
		parts = append(parts, fmt.Sprintf("%s %s where %s is planned", d.Field, d.A, d.B))
	}
	return strings.Join(parts, ", ")
}

// epochs is how many epochs a record has.
func epochs(r *record.Record) int {
	if last := r.Last(); last != nil {
		return last.Epoch
	}
	return 0
}

// Status says how much of a run there is, and the hours of this machine that are left to compute: 0
// for a recorded one, NaN where nothing tells.
func (s *State) Status(run experiments.Run) (Status, float64) {
	r := s.byName[run.Name]
	switch {
	case r == nil:
		return Missing, s.Rate.Hours(run, 0)
	case epochs(r) >= run.Spec.Epochs:
		return Recorded, 0
	}
	return Partial, s.Rate.Hours(run, epochs(r))
}

// Of returns the record of a run as far as it got, nil for none.
func (s *State) Of(run experiments.Run) *record.Record { return s.byName[run.Name] }

// ByName returns the record of a name. The error names those most like it.
func (s *State) ByName(name string) (*record.Record, error) {
	if r := s.byName[name]; r != nil {
		return r, nil
	}
	var names []string
	for _, r := range s.Records {
		names = append(names, r.Spec.Name)
	}
	return nil, fmt.Errorf("no record %q; near it are %s", name, strings.Join(edit.Near(name, names, 3), ", "))
}

// Commit copies the record of a finished run from its folder to records/, and says where it is now.
// Only the first seed's keeps the pictures of its epochs: they are two fifths of a record, and a film
// shows one run of each loss.
func Commit(root string, run experiments.Run) (string, error) {
	from := filepath.Join(root, filepath.FromSlash(run.Folder()))
	r, err := record.ReadFile(from)
	if err != nil {
		return "", err
	}
	if run.Spec.Seed != experiments.FirstSeed {
		for i := range r.Epochs {
			r.Epochs[i].Picture = nil
		}
	}
	to := filepath.Join(root, RecordsFolder, run.Name+".json")
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return "", err
	}
	return to, r.WriteFile(to)
}
