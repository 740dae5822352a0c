package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// chaos injects the faults of a schedule, and counts their effects.
type chaos struct {
	injector
	active  sync.WaitGroup
	due     map[string]int
	effects map[string]int
}

func newChaos(c *cluster, o *operator) *chaos {
	return &chaos{injector: injector{cluster: c, operator: o, lossLock: newLock(), stripeLock: newLock(), mailLock: newLock()}, due: map[string]int{}, effects: map[string]int{}}
}

// run injects the scheduled faults, and returns once all of them are undone.
func (c *chaos) run(ctx context.Context, duration time.Duration, due []scheduledFault) {
	c.begin = time.Now()
	during, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	for _, s := range due {
		if !pause(during, time.Until(c.begin.Add(s.at))) {
			break
		}
		c.due[s.fault.name]++
		c.active.Go(func() {
			if c.inject(ctx, during, s) {
				c.mutex.Lock()
				defer c.mutex.Unlock()
				c.effects[s.fault.name]++
			}
		})
	}
	pause(during, duration)
	c.active.Wait()
}

// inject injects a fault, and retries it twice if it had no effect: a manager may just have exited for another reason.
func (c *chaos) inject(ctx, during context.Context, s scheduledFault) bool {
	for range 3 {
		if s.fault.inject(&c.injector, ctx, during, rand.New(rand.NewPCG(s.seed, 0))) {
			return true
		}
		if !pause(during, time.Second) {
			break
		}
	}
	c.sayf("without effect: %s", s.fault.name)
	return false
}

// neverEffective returns the faults that never took effect.
func (c *chaos) neverEffective() (names []string) {
	for _, f := range faults {
		if c.effects[f.name] == 0 {
			names = append(names, f.name)
		}
	}
	return names
}

// report prints how often each fault took effect.
func (c *chaos) report() {
	for _, f := range faults {
		fmt.Printf("%4d × %s", c.effects[f.name], f.name)
		if idle := c.due[f.name] - c.effects[f.name]; idle > 0 {
			fmt.Printf(" (and %d × without effect)", idle)
		}
		fmt.Println()
	}
}
