package data

// Listed is a known set and where it is.
type Listed struct {
	About
	Installed bool   `json:"installed"`
	Folder    string `json:"folder,omitempty"` // as Locate returns it
}

// ListLocated is List with the place of every set.
func ListLocated(o Options) ([]Listed, error) {
	var all []Listed
	for _, a := range List() {
		folder, installed, err := Locate(a.Name, o)
		if err != nil {
			return nil, err
		}
		all = append(all, Listed{About: a, Installed: installed, Folder: folder})
	}
	return all, nil
}
