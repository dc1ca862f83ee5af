package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gocollapse/collapse/backend"
	"github.com/gocollapse/collapse/data"
	"github.com/gocollapse/collapse/record"
)

// seedFolder is the beginning of the name of a seed's folder in that of several.
const seedFolder = "seed-"

// Seeds runs a specification once for each seed, each into the folder seed-N of
// o.Out, which is an ordinary run's, and at most jobs of them at once on one backend;
// jobs 0 is 1. It returns the records in the order of seeds, nil for those that were not begun.
//
// A cancelled context stops all with their checkpoints (ErrStopped). A run that fails
// does not keep the others from ending; the errors, each with its seed, are joined. With
// o.Resume finished runs stay as they are, stopped ones go on, and those that were not
// begun begin. progress is told each run's events with its seed, from several goroutines but
// one at a time; nil is allowed. o.Progress is not used.
//
// An unnamed specification stays so; to a name the seed is added.
func Seeds(ctx context.Context, spec record.Spec, seeds []int64, jobs int, o Options,
	progress func(seed int64, e Event)) ([]*record.Record, error) {
	if err := checkSeeds(seeds, o); err != nil {
		return nil, err
	}
	spec, err := resolve(spec)
	if err != nil {
		return nil, err
	}
	begun, err := seedFolders(seeds, o)
	if err != nil {
		return nil, err
	}
	if o.Set == nil {
		if o.Set, err = OpenImages(ctx, spec, data.Options{}); err != nil {
			return nil, err
		}
	}
	done, err := o.openBackend(spec)
	if err != nil {
		return nil, err
	}
	defer done()
	var telling sync.Mutex
	records, errs := make([]*record.Record, len(seeds)), make([]error, len(seeds))
	handed := inTurn(ctx, len(seeds), jobs, func(i int) {
		own, s := o, spec
		s.Seed = seeds[i]
		if s.Name != "" {
			s.Name += "-s" + strconv.FormatInt(s.Seed, 10)
		}
		own.Out, own.Resume = SeedFolder(o.Out, s.Seed), begun[i]
		if own.Progress = nil; progress != nil {
			own.Progress = func(e Event) {
				telling.Lock()
				defer telling.Unlock()
				progress(s.Seed, e)
			}
		}
		records[i], errs[i] = runOne(ctx, s, own)
	})
	return records, seedErrors(ctx, seeds, errs, handed)
}

// checkSeeds reports seeds and options that Seeds cannot take.
func checkSeeds(seeds []int64, o Options) error {
	if len(seeds) == 0 {
		return errors.New("train: no seeds")
	}
	for i, s := range seeds {
		if slices.Contains(seeds[:i], s) {
			return fmt.Errorf("train: seed %d is given twice", s)
		}
	}
	if o.Out == "" {
		return errors.New("train: no folder for the runs was given")
	}
	return nil
}

// seedFolders makes the folders of all seeds, before any run begins: they say which runs there
// are to be. It says of each whether its run was begun before.
func seedFolders(seeds []int64, o Options) (begun []bool, err error) {
	begun = make([]bool, len(seeds))
	for i, s := range seeds {
		if begun[i], err = holdsRun(SeedFolder(o.Out, s)); err != nil {
			return nil, err
		}
		if begun[i] && !o.Resume {
			return nil, checkFolder(SeedFolder(o.Out, s), false)
		}
	}
	if err := sameBeginning(o, seeds, begun); err != nil {
		return nil, err
	}
	for _, s := range seeds {
		if err := os.MkdirAll(SeedFolder(o.Out, s), 0o777); err != nil {
			return nil, fmt.Errorf("train: folder for the run: %w", err)
		}
	}
	return begun, nil
}

// inTurn calls do with 0 to n−1, at most jobs of them at once, until ctx is cancelled, and waits
// for all that it called. It returns how many those were.
func inTurn(ctx context.Context, n, jobs int, do func(i int)) (handed int) {
	next := make(chan int)
	var running sync.WaitGroup
	for range min(max(jobs, 1), n) {
		running.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for ; handed < n && ctx.Err() == nil; handed++ {
		select {
		case next <- handed:
		case <-ctx.Done():
			handed--
		}
	}
	close(next)
	running.Wait()
	return handed
}

// seedErrors joins the errors of runs, of which the first handed were called, each with its seed.
// Those that were stopped or not called are one error.
func seedErrors(ctx context.Context, seeds []int64, errs []error, handed int) error {
	var failed []error
	var stopped, waiting []int64
	for i, s := range seeds {
		switch err := errs[i]; {
		case i >= handed:
			waiting = append(waiting, s)
		case errors.Is(err, ErrStopped), err != nil && errors.Is(err, ctx.Err()): // also before it began
			stopped = append(stopped, s)
		case err != nil:
			failed = append(failed, fmt.Errorf("seed %d: %w", s, err))
		}
	}
	if len(stopped)+len(waiting) > 0 {
		failed = append(failed,
			fmt.Errorf("%w (stopped were the seeds %v, not begun %v)", ErrStopped, stopped, waiting))
	}
	return errors.Join(failed...)
}

// sameBeginning reports seeds that would begin from random weights where others began
// from a file's.
func sameBeginning(o Options, seeds []int64, begun []bool) error {
	if o.Initial != "" || !slices.Contains(begun, false) {
		return nil
	}
	for i, s := range seeds {
		if !begun[i] {
			continue
		}
		rec, err := record.ReadFile(SeedFolder(o.Out, s))
		if err == nil && rec.Initial != nil {
			return fmt.Errorf("train: seed %d began from the weights in %s, and others are still to begin, which would"+
				" not: resume those that were begun each in its folder, and begin the others again with the weights", s,
				rec.Initial.Name)
		}
	}
	return nil
}

// runOne is runResolved, but leaves a run alone that has come to its end.
func runOne(ctx context.Context, spec record.Spec, o Options) (*record.Record, error) {
	if o.Resume {
		rec, err := record.ReadFile(o.Out)
		if err != nil {
			return nil, err
		}
		spec.Name = rec.Spec.Name
		if last := rec.Last(); rec.Status == record.Finished && last != nil && last.Epoch == spec.Epochs {
			return rec, nil
		}
	}
	return runResolved(ctx, spec, o)
}

// Jobs says how many of n runs of a specification find room on the device side by side,
// at least 1, and why: one on a CPU, whose cores a single run keeps busy, and on CUDA
// as many as EstimateMemory puts into 0.8 of what is free.
func Jobs(choice backend.Choice, spec record.Spec, set *data.Set, n int) (jobs int, reason string, err error) {
	if choice.Name != backend.CUDA {
		return 1, "a single run keeps the processor busy", nil
	}
	need, err := EstimateMemory(spec, set)
	if err != nil {
		return 0, "", err
	}
	free, err := backend.FreeMemory()
	if err != nil {
		return 1, err.Error(), nil
	}
	return max(1, min(n, int(0.8*float64(free)/float64(need)))),
		fmt.Sprintf("about %.1f GiB each, %.1f GiB free on the device", float64(need)/(1<<30),
			float64(free)/(1<<30)), nil
}

// SeedFolder is the folder of a seed's run among those of out.
func SeedFolder(out string, seed int64) string {
	return filepath.Join(out, seedFolder+strconv.FormatInt(seed, 10))
}

// FindSeeds returns the seeds that have folders in out, in ascending order, and the
// specification of the first that was begun, with its seed; an out that is a run itself, or
// holds no seeds, gives none. The specification is nil where no run was begun.
func FindSeeds(out string) ([]int64, *record.Spec, error) {
	if run, err := holdsRun(out); run || err != nil {
		return nil, nil, err
	}
	entries, err := os.ReadDir(out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("train: %w", err)
	}
	var seeds []int64
	for _, e := range entries {
		if n, ok := strings.CutPrefix(e.Name(), seedFolder); ok && e.IsDir() {
			if s, err := strconv.ParseInt(n, 10, 64); err == nil {
				seeds = append(seeds, s)
			}
		}
	}
	slices.Sort(seeds)
	for _, s := range seeds {
		dir := SeedFolder(out, s)
		if run, err := holdsRun(dir); err != nil {
			return nil, nil, err
		} else if run {
			rec, err := record.ReadFile(dir)
			if err != nil {
				return nil, nil, err
			}
			spec := rec.Spec
			spec.Name = strings.TrimSuffix(spec.Name, "-s"+strconv.FormatInt(spec.Seed, 10))
			return seeds, &spec, nil
		}
	}
	return seeds, nil, nil
}

// holdsRun says whether a folder holds a record or a checkpoint.
func holdsRun(dir string) (bool, error) {
	c, err := holds(dir)
	return c.record || c.checkpoint, err
}
