package record

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// RateAt returns the learning rate of an epoch's steps, epochs counted from 1.
//
// With schedule multistep it is Rate·Gamma^(milestones passed). A milestone m takes effect after m
// epochs, as in torch.optim.lr_scheduler.MultiStepLR stepped once per epoch. With cosine it is
// Rate·(1 + cos(π(epoch−1)/ScheduleEpochs))/2, as CosineAnnealingLR with T_max = ScheduleEpochs.
func (s Spec) RateAt(epoch int) float64 {
	if s.Schedule == "cosine" {
		return s.Rate * (1 + math.Cos(math.Pi*float64(epoch-1)/float64(s.ScheduleEpochs))) / 2
	}
	r := s.Rate
	for _, m := range s.Milestones {
		if epoch > m {
			r *= s.Gamma
		}
	}
	return r
}

// IntrinsicTime is Σ rate × decay over the steps of the first epochs, for a number of training
// images: how far weight decay, which drives collapse, has carried the run into the terminal phase.
// λ_W takes the place of the decay under the UFM's penalty. The paper's CIFAR-10 runs have 1.47
// before the first milestone and 1.71 in all 800 epochs.
func (s Spec) IntrinsicTime(images, epochs int) (sum float64) {
	s = s.Resolve()
	decay := s.Decay
	if s.UFM() {
		decay = s.LambdaW
	}
	steps := math.Ceil(float64(images) / float64(s.Batch))
	for epoch := 1; epoch <= epochs; epoch++ {
		sum += s.RateAt(epoch) * decay * steps
	}
	return sum
}

// Measured says whether the network is measured after an epoch, epochs counted from 1. The first
// and the last epoch always are.
//
// With "log" the measured epochs are 1 to 10 and then those nearest to 10·1.1^i (10, 11, 12, 13,
// 15, 16, … 91, 100, 110, …): 56 of the paper's 800.
func (s Spec) Measured(epoch int) bool {
	if epoch == 1 || epoch == s.Epochs {
		return true
	}
	m, err := parseMeasure(s.Measure)
	return err == nil && m(epoch)
}

// parseMeasure returns the rule of Spec.Measure; "" is every epoch.
func parseMeasure(text string) (func(epoch int) bool, error) {
	if text == "" {
		text = "every:1"
	}
	if text == "log" {
		return func(epoch int) bool {
			if epoch <= 10 {
				return true
			}
			i := math.Round(math.Log(float64(epoch)/10) / math.Log(1.1))
			return epoch == int(math.Round(10*math.Pow(1.1, i)))
		}, nil
	}
	if n, ok := strings.CutPrefix(text, "every:"); ok {
		if every, err := strconv.Atoi(n); err == nil && every >= 1 {
			return func(epoch int) bool { return epoch%every == 0 }, nil
		}
	}
	var list []int
	for _, n := range strings.Split(text, ",") {
		epoch, err := strconv.Atoi(strings.TrimSpace(n))
		if err != nil || epoch < 1 || (len(list) > 0 && epoch <= list[len(list)-1]) {
			return nil, fmt.Errorf("measure: %q; want every:N, log, or ascending epochs such as 1,10,100", text)
		}
		list = append(list, epoch)
	}
	return func(epoch int) bool { return slices.Contains(list, epoch) }, nil
}
