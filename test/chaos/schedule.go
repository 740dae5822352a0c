package main

import (
	"math/rand/v2"
	"time"
)

// appointment is a fault and when it is due. The seed makes everything about it that chance decides.
type appointment struct {
	at    time.Duration
	fault fault
	seed  uint64
}

// schedule follows from the seed alone: nothing that happens in a run changes what is due, and when.
//
// The faults come from a deck, so that each comes as often as it should. The first round has one of each, so that no run of two minutes
// goes without one, and begins with those that last long: there must be time left to see what comes of them.
func schedule(duration time.Duration, seed uint64) []appointment {
	random := rand.New(rand.NewPCG(seed, 2))
	var all []appointment
	var deck []fault
	for at := gap(random); at < duration; at += gap(random) {
		if len(deck) == 0 {
			deck = shuffled(random, len(all) == 0)
		}
		all = append(all, appointment{at: at, fault: deck[0], seed: random.Uint64()})
		deck = deck[1:]
	}
	return all
}

func gap(random *rand.Rand) time.Duration { return time.Second + upTo(random, 7*time.Second) }

// shuffled is a deck of faults: one of each, or each as often as it says.
func shuffled(random *rand.Rand, first bool) []fault {
	var long, deck []fault
	for _, f := range faults {
		switch {
		case first && f.long:
			long = append(long, f)
		case first:
			deck = append(deck, f)
		default:
			for range f.often {
				deck = append(deck, f)
			}
		}
	}
	random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
	return append(long, deck...)
}

func upTo(random *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(random.Float64() * float64(d))
}
