package live

import (
	"context"
	"fmt"
	"strings"

	"github.com/gocollapse/collapse/doctor"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/kernels"
	"github.com/gocollapse/collapse/nb"
)

// Check shows, line by line, what collapse doctor finds on this machine. Where a
// line is a fault it returns an error that names each with what repairs it.
func Check() error {
	checks := doctor.Examine(context.Background(), doctor.Options{})
	t, err := checkTable(checks)
	nb.Table(t, nil)
	return err
}

func checkTable(checks []kernels.Check) (*figures.Table, error) {
	t := &figures.Table{Title: "This machine", Header: []string{"what", "state", "found", "what to do"}}
	var faults []string
	for _, c := range checks {
		t.Rows = append(t.Rows, []string{c.Name, c.Status, c.Found, c.Fix})
		if c.Status == kernels.Fault {
			faults = append(faults, fmt.Sprintf("%s: %s; %s", c.Name, c.Found, c.Fix))
		}
	}
	if faults != nil {
		return t, fmt.Errorf("this machine has faults:\n%s", strings.Join(faults, "\n"))
	}
	return t, nil
}
