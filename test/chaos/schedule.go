package main

import (
	"math/rand/v2"
	"time"
)

// scheduledFault is a fault and the time at which it is due. The seed generates its random numbers.
type scheduledFault struct {
	at    time.Duration
	fault fault
	seed  uint64
}

// schedule returns the faults of a run, which depend on the seed alone.
//
// The faults are drawn from a shuffled deck, so that each occurs according to its weight. The first deck has one of
// each, so that a run of two minutes has all of them. It starts with the lasting faults, to leave time for their
// effects.
func schedule(duration time.Duration, seed uint64) []scheduledFault {
	random := rand.New(rand.NewPCG(seed, 2))
	var all []scheduledFault
	var deck []fault
	for at := gap(random); at < duration; at += gap(random) {
		if len(deck) == 0 {
			deck = newDeck(random, len(all) == 0)
		}
		all = append(all, scheduledFault{at: at, fault: deck[0], seed: random.Uint64()})
		deck = deck[1:]
	}
	return all
}

// killsDuring returns a schedule that kills the leader, and now and then the API server.
func killsDuring(duration time.Duration, seed uint64) (all []scheduledFault) {
	random := rand.New(rand.NewPCG(seed, 3))
	for at := gap(random); at < duration; at += gap(random) {
		name := "kill the leader"
		if random.IntN(3) == 0 {
			name = "kill the API server"
		}
		for _, f := range faults {
			if f.name == name {
				all = append(all, scheduledFault{at: at, fault: f, seed: random.Uint64()})
			}
		}
	}
	return all
}

func gap(random *rand.Rand) time.Duration { return time.Second + upTo(random, 4*time.Second) }

// newDeck returns a shuffled deck: one of each fault for the first deck, later as many of each as its weight.
func newDeck(random *rand.Rand, first bool) []fault {
	var lasting, deck []fault
	for _, f := range faults {
		switch {
		case first && f.lasting:
			lasting = append(lasting, f)
		case first:
			deck = append(deck, f)
		default:
			for range f.weight {
				deck = append(deck, f)
			}
		}
	}
	random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
	return append(lasting, deck...)
}

func upTo(random *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(random.Float64() * float64(d))
}
