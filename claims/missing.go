package claims

import (
	"github.com/gocollapse/collapse/experiments"
	"github.com/gocollapse/collapse/record"
)

// planned lists the names of the runs that a need asks for: the reduced twins, or the paper's own
// where there is no twin.
func planned(n Need) (list []string) {
	runs := experiments.Of(experiments.Kind(n), record.ReducedScale)
	if len(runs) == 0 {
		runs = experiments.Of(experiments.Kind(n), record.PaperScale)
	}
	for _, r := range runs {
		list = append(list, r.Name)
	}
	return list
}

// missing lists the planned runs of needs that are not among the records.
func (e *evidence) missing(needs ...Need) (list []string) {
	for _, n := range needs {
		for _, name := range planned(n) {
			if !e.names[name] {
				list = append(list, name)
			}
		}
	}
	return list
}
