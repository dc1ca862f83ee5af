package claims

import (
	"slices"

	"github.com/gocollapse/collapse/record"
)

// DecideOne returns the result of one claim, the same as Decide's. It applies only the rules that
// bear on it: its own, and those of the claims that may share Holm's correction with it.
func DecideOne(id string, records []*record.Record, o Options) (Result, error) {
	asked, err := ByID(id)
	if err != nil {
		return Result{}, err
	}
	kin := slices.DeleteFunc(All(), func(c Claim) bool { return c.ID != id && !shareRuns(asked, c) })
	results, err := decide(kin, records, o)
	if err != nil {
		return Result{}, err
	}
	return results[slices.IndexFunc(results, func(r Result) bool { return r.ID == id })], nil
}

// shareRuns says whether two claims may rest on the same runs. Closed forms rest on none, and runs
// of the simulated UFM are of other settings than the networks of the figures.
func shareRuns(a, b Claim) bool {
	return onNetworks(a) && onNetworks(b) || onUFMRuns(a) && onUFMRuns(b)
}

func onUFMRuns(c Claim) bool { return slices.Contains(c.Needs, UFMSweep) }

func onNetworks(c Claim) bool {
	return slices.ContainsFunc(c.Needs, func(n Need) bool { return n != UFMSweep && n != ClosedForms })
}
