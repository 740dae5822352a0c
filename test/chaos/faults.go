package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/testutil/apiproxy"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
)

// chaos spoils things at random instants.
type chaos struct {
	cluster  *cluster
	operator *operator
	begin    time.Time
	loss     turn // had by what decides about requests

	all     sync.WaitGroup // the faults under way
	mutex   sync.Mutex
	kills   int
	due     map[string]int
	effects map[string]int
}

// fault is one thing that goes wrong, and goes right again before it returns. It looks for what it can spoil until during ends; what it
// has begun it ends in its own time. It says whether it took effect.
//
// It draws its random numbers before it looks anybody up: what it finds must not change what comes next.
type fault struct {
	name  string
	often int
	long  bool
	do    func(c *chaos, ctx, during context.Context, random *rand.Rand) bool
}

var faults []fault

func init() { // the table and the schedule refer to each other
	faults = []fault{
		{"stop the leader past its lease, so that two lead", 2, true, (*chaos).stopLeader},
		{"kill the leader", 4, false, (*chaos).killLeader},
		{"kill another manager", 2, false, (*chaos).killOther},
		{"tell a manager to end", 2, false, (*chaos).tellToEnd},
		{"kill the API server", 2, false, (*chaos).killAPIServer},
		{"kill etcd", 2, false, (*chaos).killEtcd},
		{"freeze the leader's watches", 2, false, (*chaos).freeze},
		{"cut the watches", 2, false, (*chaos).cut},
		{"lose requests and replies", 4, false, (*chaos).lose},
		{"stall the disk", 2, false, (*chaos).stall},
		{"stall the disk for longer than a receiver waits", 1, false, (*chaos).stallLong},
		{"Mailgun falters", 4, false, (*chaos).falter},
	}
}

func newChaos(c *cluster, o *operator) *chaos {
	return &chaos{cluster: c, operator: o, loss: newTurn(), due: map[string]int{}, effects: map[string]int{}}
}

// run lets things go wrong as they are due, and returns when all is right again.
func (c *chaos) run(ctx context.Context, duration time.Duration, due []appointment) {
	c.begin = time.Now()
	during, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	for _, a := range due {
		if !pause(during, time.Until(c.begin.Add(a.at))) {
			break
		}
		c.due[a.fault.name]++
		c.all.Go(func() {
			if c.try(ctx, during, a) {
				c.mutex.Lock()
				defer c.mutex.Unlock()
				c.effects[a.fault.name]++
			}
		})
	}
	pause(during, duration)
	c.all.Wait()
}

// try does it, once more if it had no effect: a manager may just have ended for another reason.
func (c *chaos) try(ctx, during context.Context, a appointment) bool {
	for range 3 {
		if a.fault.do(c, ctx, during, rand.New(rand.NewPCG(a.seed, 0))) {
			return true
		}
		if !pause(during, time.Second) {
			break
		}
	}
	c.sayf("without effect: %s", a.fault.name)
	return false
}

func (c *chaos) sayf(format string, arguments ...any) {
	fmt.Printf("%7s  %s\n", time.Since(c.begin).Round(100*time.Millisecond), fmt.Sprintf(format, arguments...))
}

// missing are the faults of which the run shows nothing.
func (c *chaos) missing() (names []string) {
	for _, f := range faults {
		if c.effects[f.name] == 0 {
			names = append(names, f.name)
		}
	}
	return names
}

// kill ends a process that whoever calls has the turn of, and waits until it is there again.
func (c *chaos) kill(ctx context.Context, d *daemon, away time.Duration) bool {
	times, _ := d.started()
	if !d.kill(away) {
		return false
	}
	c.sayf("kill %s", d.name)
	c.mutex.Lock()
	c.kills++
	c.mutex.Unlock()
	return d.startedAfter(ctx, times, time.Minute) == nil
}

// takeManager waits for the turn of a manager that runs and is wanted, given who leads; nil if none is to be had.
func (c *chaos) takeManager(during context.Context, wanted func(m, leader *manager) bool) (taken *manager) {
	_ = eventually(during, time.Minute, "a manager is to be had", func(ctx context.Context) error {
		leader := c.operator.leader(ctx)
		for _, m := range c.operator.managers {
			if _, runs := m.started(); !runs || !wanted(m, leader) || !m.turn.tryTake() {
				continue
			}
			taken = m
			return nil
		}
		return errors.New("none is")
	})
	return taken
}

func isLeader(m, leader *manager) bool { return m == leader }

func isOther(m, leader *manager) bool { return leader != nil && m != leader }

func (c *chaos) killLeader(ctx, during context.Context, random *rand.Rand) bool {
	return c.killManager(ctx, during, upTo(random, 2*time.Second), isLeader)
}

func (c *chaos) killOther(ctx, during context.Context, random *rand.Rand) bool {
	return c.killManager(ctx, during, upTo(random, 2*time.Second), isOther)
}

func (c *chaos) killManager(ctx, during context.Context, away time.Duration, wanted func(m, leader *manager) bool) bool {
	m := c.takeManager(during, wanted)
	if m == nil {
		return false
	}
	defer m.turn.giveBack()
	return c.kill(ctx, m.daemon, away)
}

func (c *chaos) killAPIServer(ctx, during context.Context, random *rand.Rand) bool {
	return c.killCluster(ctx, during, c.cluster.apiserver, upTo(random, 4*time.Second))
}

func (c *chaos) killEtcd(ctx, during context.Context, random *rand.Rand) bool {
	return c.killCluster(ctx, during, c.cluster.etcd, upTo(random, 4*time.Second))
}

func (c *chaos) killCluster(ctx, during context.Context, d *daemon, away time.Duration) bool {
	if !d.turn.take(during) {
		return false
	}
	defer d.turn.giveBack()
	defer c.operator.trouble.begin()()
	return c.kill(ctx, d, away) && c.cluster.ready(ctx) == nil
}

// tellToEnd has a manager end in order. That is not always the leader.
func (c *chaos) tellToEnd(ctx, during context.Context, random *rand.Rand) bool {
	wanted := isLeader
	if random.IntN(3) == 0 {
		wanted = isOther
	}
	m := c.takeManager(during, func(m, leader *manager) bool { return wanted(m, leader) && m.ready(during) == nil })
	if m == nil {
		return false
	}
	defer m.turn.giveBack()
	times, _ := m.started()
	if !m.terminate() {
		return false
	}
	c.sayf("tell %s to end", m.name)
	const most = 90 * time.Second // for what runs, the lease and the requests in flight
	if err := m.startedAfter(ctx, times, most); err != nil && ctx.Err() == nil {
		c.operator.crashed("%s was told to end, and had not ended after %s", m.name, most)
		m.kill(0)
		return false
	}
	return true
}

// stopLeader makes the leader stand still until another has taken over (a lease is 15 s), and lets it go on as if it still led.
func (c *chaos) stopLeader(ctx, during context.Context, random *rand.Rand) bool {
	long := 17*time.Second + upTo(random, 8*time.Second)
	m := c.takeManager(during, isLeader)
	if m == nil {
		return false
	}
	defer m.turn.giveBack()
	resume, stopped := m.stop()
	if !stopped {
		return false
	}
	defer c.operator.trouble.begin()()
	defer resume()
	c.sayf("stop %s", m.name)
	pause(ctx, long)
	// The lease can be taken over only while the API server and the other manager are there.
	err := eventually(ctx, time.Minute, "another manager leads", func(ctx context.Context) error {
		for _, other := range c.operator.managers {
			if other != m && (!c.operator.election || other.leads(ctx)) {
				return nil
			}
		}
		return errors.New("none does")
	})
	resume()
	c.sayf("let %s go on; another leads: %t", m.name, err == nil)
	return err == nil
}

func (c *chaos) freeze(ctx, during context.Context, random *rand.Rand) bool {
	long := 3*time.Second + upTo(random, 12*time.Second)
	m := c.takeManager(during, isLeader)
	if m == nil {
		return false
	}
	defer m.turn.giveBack()
	defer c.operator.trouble.begin()()
	c.sayf("freeze the watches of %s", m.name)
	m.proxy.Freeze()
	pause(ctx, long)
	return m.proxy.Thaw() > 0
}

// cut ends the watches of every manager whose watches are not frozen.
func (c *chaos) cut(_, during context.Context, _ *rand.Rand) bool {
	m := c.takeManager(during, func(*manager, *manager) bool { return true })
	if m == nil {
		return false
	}
	watches := m.proxy.CutWatches()
	m.turn.giveBack()
	for _, other := range c.operator.managers {
		if other != m && other.turn.tryTake() {
			watches += other.proxy.CutWatches()
			other.turn.giveBack()
		}
	}
	c.sayf("cut %d watches", watches)
	return watches > 0
}

// lose drops one in ten requests of every manager, before or after the API server has done them. Which they are depends on who comes when.
func (c *chaos) lose(ctx, during context.Context, random *rand.Rand) bool {
	long := 4*time.Second + upTo(random, 8*time.Second)
	if !c.loss.take(during) {
		return false
	}
	defer c.loss.giveBack()
	defer c.operator.trouble.begin()()
	var mutex sync.Mutex
	lost := 0
	judge := func(*http.Request) apiproxy.Verdict {
		mutex.Lock()
		defer mutex.Unlock()
		verdict := apiproxy.Pass
		switch random.IntN(20) {
		case 0:
			verdict = apiproxy.LoseRequest
		case 1:
			verdict = apiproxy.LoseReply
		default:
			return verdict
		}
		lost++
		return verdict
	}
	c.sayf("lose requests and replies")
	for _, m := range c.operator.managers {
		m.proxy.Spoil(judge)
		defer m.proxy.Spoil(nil)
	}
	pause(ctx, long)
	mutex.Lock()
	defer mutex.Unlock()
	return lost > 0
}

// stall makes etcd stand still over and over, as it does when its disk is slow.
func (c *chaos) stall(ctx, during context.Context, random *rand.Rand) bool {
	long := 4*time.Second + upTo(random, 6*time.Second)
	return c.stallEtcd(during, func() (stalled bool) {
		for until := time.Now().Add(long); time.Now().Before(until) && ctx.Err() == nil; {
			resume, stopped := c.cluster.etcd.stop()
			stalled = stalled || stopped
			pause(ctx, 100*time.Millisecond+upTo(random, 900*time.Millisecond))
			resume()
			pause(ctx, 50*time.Millisecond+upTo(random, 300*time.Millisecond))
		}
		return stalled
	})
}

// stallLong makes etcd stand still for so long that the receivers give up what they write (after 10 s), which is written all the same.
func (c *chaos) stallLong(ctx, during context.Context, random *rand.Rand) bool {
	long := 11500*time.Millisecond + upTo(random, time.Second)
	return c.stallEtcd(during, func() bool {
		resume, stopped := c.cluster.etcd.stop()
		defer resume()
		return stopped && pause(ctx, long)
	})
}

func (c *chaos) stallEtcd(during context.Context, stall func() bool) bool {
	if !c.cluster.etcd.turn.take(during) {
		return false
	}
	defer c.cluster.etcd.turn.giveBack()
	defer c.operator.trouble.begin()()
	c.sayf("stall etcd")
	return stall()
}

// falter spoils the next few messages: refused, lost, or accepted with no answer. It waits until one is.
func (c *chaos) falter(ctx, _ context.Context, random *rand.Rand) bool {
	ways := []mailguntest.Fault{
		mailguntest.Refuse(http.StatusTooManyRequests), mailguntest.Refuse(http.StatusInternalServerError), mailguntest.Drop,
		mailguntest.AcceptAndFail, mailguntest.AcceptAndDrop, mailguntest.AcceptAndHang,
	}
	var faltered atomic.Bool
	for range 3 {
		way := ways[random.IntN(len(ways))]
		c.operator.mailgun.Fail(func(w http.ResponseWriter, r *http.Request, accept func()) {
			faltered.Store(true)
			way(w, r, accept)
		})
	}
	c.sayf("Mailgun falters")
	return eventually(ctx, time.Minute, "a message is spoilt", func(context.Context) error {
		if !faltered.Load() {
			return errors.New("none is")
		}
		return nil
	}) == nil
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
