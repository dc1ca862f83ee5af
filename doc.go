// Package collapse is the root of a research environment for neural collapse
// under cross entropy and label smoothing. It holds no code: import the package
// that you need.
//
//   - [github.com/gocollapse/collapse/nc]: metrics of features and a classifier
//   - [github.com/gocollapse/collapse/record]: specifications and records of runs
//   - [github.com/gocollapse/collapse/figures]: the paper's figures and tables
//   - [github.com/gocollapse/collapse/train]: training, on GoMLX
//
// The command is [github.com/gocollapse/collapse/cmd/collapse].
package collapse
