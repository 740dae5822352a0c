package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/testutil/apiproxy"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
)

// chaos spoils things at random instants. What it does follows from the seed alone; what comes of it does not.
type chaos struct {
	cluster  *cluster
	operator *operator
	random   *rand.Rand
	begin    time.Time
	deck     []fault

	all    sync.WaitGroup // the faults under way
	mutex  sync.Mutex
	kills  int
	counts map[string]int
}

// fault is one thing that goes wrong, and goes right again before it returns.
type fault struct {
	name  string
	often int
	do    func(c *chaos, ctx context.Context, random *rand.Rand)
}

var faults = []fault{
	{"kill the leader", 4, (*chaos).killLeader},
	{"kill another manager", 2, (*chaos).killOther},
	{"kill the API server", 2, func(c *chaos, _ context.Context, random *rand.Rand) {
		c.kill(c.cluster.apiserver, upTo(random, 4*time.Second))
	}},
	{"kill etcd", 2, func(c *chaos, _ context.Context, random *rand.Rand) {
		c.kill(c.cluster.etcd, upTo(random, 4*time.Second))
	}},
	{"stop the leader past its lease", 2, (*chaos).stopLeader},
	{"freeze a manager's watches", 2, (*chaos).freeze},
	{"cut the watches", 2, (*chaos).cut},
	{"lose requests and replies", 4, (*chaos).lose},
	{"stall the disk", 2, (*chaos).stall},
	{"Mailgun falters", 4, (*chaos).falter},
}

func newChaos(c *cluster, o *operator, seed uint64) *chaos {
	return &chaos{cluster: c, operator: o, random: rand.New(rand.NewPCG(seed, 2)), counts: map[string]int{}}
}

// run lets things go wrong for so long, and returns when all is right again.
func (c *chaos) run(ctx context.Context, duration time.Duration) {
	c.begin = time.Now()
	during, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	for pause(during, time.Second+upTo(c.random, 7*time.Second)) {
		f, own := c.draw(), rand.New(rand.NewPCG(c.random.Uint64(), 0))
		fmt.Printf("%7s  %s\n", time.Since(c.begin).Round(100*time.Millisecond), f.name)
		c.mutex.Lock()
		c.counts[f.name]++
		c.mutex.Unlock()
		c.all.Go(func() { f.do(c, during, own) })
	}
	c.all.Wait()
}

// draw takes a fault from the shuffled deck, so that each comes as often as it should, however short the run.
func (c *chaos) draw() fault {
	if len(c.deck) == 0 {
		for _, f := range faults {
			for range f.often {
				c.deck = append(c.deck, f)
			}
		}
		c.random.Shuffle(len(c.deck), func(i, j int) { c.deck[i], c.deck[j] = c.deck[j], c.deck[i] })
	}
	f := c.deck[0]
	c.deck = c.deck[1:]
	return f
}

func (c *chaos) kill(d *daemon, away time.Duration) {
	if d.kill(away) {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		c.kills++
	}
}

// leader is the leader, or any manager if none is known.
func (c *chaos) leader(ctx context.Context, random *rand.Rand) *manager {
	if m := c.operator.leader(ctx); m != nil {
		return m
	}
	return c.any(random)
}

func (c *chaos) any(random *rand.Rand) *manager {
	return c.operator.managers[random.IntN(len(c.operator.managers))]
}

func (c *chaos) killLeader(ctx context.Context, random *rand.Rand) {
	c.kill(c.leader(ctx, random).daemon, upTo(random, 2*time.Second))
}

func (c *chaos) killOther(ctx context.Context, random *rand.Rand) {
	leader := c.leader(ctx, random)
	for _, m := range c.operator.managers {
		if m != leader {
			c.kill(m.daemon, upTo(random, 2*time.Second))
		}
	}
}

// stopLeader makes the leader stand still until another has taken over (a lease is 15 s), and lets it go on as if it still led.
func (c *chaos) stopLeader(ctx context.Context, random *rand.Rand) {
	resume := c.leader(ctx, random).stop()
	defer resume()
	pause(ctx, 17*time.Second+upTo(random, 8*time.Second))
}

func (c *chaos) freeze(ctx context.Context, random *rand.Rand) {
	proxy := c.leader(ctx, random).proxy
	proxy.Freeze()
	defer proxy.Thaw()
	pause(ctx, 3*time.Second+upTo(random, 12*time.Second))
}

func (c *chaos) cut(context.Context, *rand.Rand) {
	for _, m := range c.operator.managers {
		m.proxy.CutWatches()
	}
}

// lose drops one in ten requests of every manager, before or after the API server has done them.
func (c *chaos) lose(ctx context.Context, random *rand.Rand) {
	var mutex sync.Mutex
	judge := func(*http.Request) apiproxy.Verdict {
		mutex.Lock()
		defer mutex.Unlock()
		switch random.IntN(20) {
		case 0:
			return apiproxy.LoseRequest
		case 1:
			return apiproxy.LoseReply
		default:
			return apiproxy.Pass
		}
	}
	for _, m := range c.operator.managers {
		m.proxy.Spoil(judge)
		defer m.proxy.Spoil(nil)
	}
	pause(ctx, 4*time.Second+upTo(random, 8*time.Second))
}

// stall makes etcd stand still over and over, as it does when its disk is slow.
func (c *chaos) stall(ctx context.Context, random *rand.Rand) {
	for until := time.Now().Add(4*time.Second + upTo(random, 6*time.Second)); time.Now().Before(until); {
		resume := c.cluster.etcd.stop()
		pause(ctx, 100*time.Millisecond+upTo(random, 900*time.Millisecond))
		resume()
		if !pause(ctx, 50*time.Millisecond+upTo(random, 300*time.Millisecond)) {
			return
		}
	}
}

// falter spoils the next few messages: refused, lost, or accepted with no answer.
func (c *chaos) falter(_ context.Context, random *rand.Rand) {
	ways := []mailguntest.Fault{
		mailguntest.Refuse(http.StatusTooManyRequests), mailguntest.Refuse(http.StatusInternalServerError), mailguntest.Drop,
		mailguntest.AcceptAndFail, mailguntest.AcceptAndDrop, mailguntest.AcceptAndHang,
	}
	for range 3 {
		c.operator.mailgun.Fail(ways[random.IntN(len(ways))])
	}
}

func upTo(random *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(random.Float64() * float64(d))
}
