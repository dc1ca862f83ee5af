package kernels

// Values of Check.Status.
const (
	OK    = "ok"    // as it should be
	Warn  = "warn"  // works, with a loss that Found names
	Fault = "fault" // something that the project needs does not work
)

// Check is what was found of one thing that Collapse needs.
type Check struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok, warn or fault
	Found  string `json:"found"`
	Fix    string `json:"mend,omitempty"` // the command that fixes it, "" if nothing is wrong
}
