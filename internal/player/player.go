// Package player holds the script that turns frames made beforehand into a picture with sliders. A
// notebook's output carries it, and so does a page of the report that shows such an output.
package player

import _ "embed"

// Class marks an element whose frames the script turns into a picture with sliders. Its data-axes
// attribute names the sliders as JSON: name, key in the address, labels, start and whether it plays.
const Class = "collapse-frames"

// Script is JavaScript without dependencies. It may run several times on a page.
//
//go:embed player.js
var Script string
