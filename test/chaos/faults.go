package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/importer"
	"github.com/tollkeeper/tollkeeper/internal/testutil/apiproxy"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// injector injects single faults.
type injector struct {
	cluster  *cluster
	operator *operator
	begin    time.Time
	lossLock lock // one proxy decision function at a time
	// stripeLock and mailLock are held by one fault of Stripe's API or Mailgun at a time, and until a request has succeeded since.
	stripeLock, mailLock lock

	mutex sync.Mutex
	kills int
}

// fault is one kind of fault. inject applies it, undoes it, and reports whether it took effect. inject looks for a
// target until during is done, and then finishes even if during ends meanwhile.
//
// inject draws its random numbers before it looks for a target, so that the target does not change later numbers.
type fault struct {
	name    string
	weight  int  // how often it occurs in one round of the schedule
	lasting bool // its effect takes long
	inject  func(i *injector, ctx, during context.Context, random *rand.Rand) bool
}

var faults = []fault{
	{"stop the leader past its lease, so that two lead", 2, true, (*injector).suspendLeader},
	{"kill the leader", 6, false, (*injector).killLeader},
	{"kill another manager", 4, false, (*injector).killFollower},
	{"tell a manager to end", 2, false, (*injector).terminateManager},
	{"kill the API server", 3, false, (*injector).killAPIServer},
	{"kill etcd", 3, false, (*injector).killEtcd},
	{"freeze the leader's watches", 2, false, (*injector).freezeWatches},
	{"cut the watches", 2, false, (*injector).cutWatches},
	{"lose requests and replies", 4, false, (*injector).loseRequests},
	{"stall the disk", 2, false, (*injector).stallRepeatedly},
	{"stall the disk for longer than a receiver waits", 1, false, (*injector).stallLong},
	{"Mailgun falters", 4, false, (*injector).failMailgun},
	{"Stripe's API falters", 3, false, (*injector).failStripe},
	{"request another import", 2, false, (*injector).requestImport},
}

func (i *injector) sayf(format string, arguments ...any) {
	fmt.Printf("%7s  %s\n", time.Since(i.begin).Round(100*time.Millisecond), fmt.Sprintf(format, arguments...))
}

// kill kills a process whose lock the caller holds, and waits until it is restarted.
func (i *injector) kill(ctx context.Context, d *daemon, downtime time.Duration) bool {
	times, _ := d.started()
	if !d.kill(downtime) {
		return false
	}
	i.sayf("kill %s", d.name)
	i.mutex.Lock()
	i.kills++
	i.mutex.Unlock()
	return d.awaitRestart(ctx, times, time.Minute) == nil
}

// acquireManager waits for a running manager that is wanted and whose lock is free, and takes the lock. It returns nil
// if there is none.
func (i *injector) acquireManager(during context.Context, wanted func(m, leader *manager) bool) (acquired *manager) {
	_ = eventually(during, time.Minute, "a manager is available", func(ctx context.Context) error {
		leader := i.operator.leader(ctx)
		for _, m := range i.operator.managers {
			if _, runs := m.started(); !runs || !wanted(m, leader) || !m.lock.tryAcquire() {
				continue
			}
			acquired = m
			return nil
		}
		return errors.New("none is")
	})
	return acquired
}

func isLeader(m, leader *manager) bool { return m == leader }

func isFollower(m, leader *manager) bool { return leader != nil && m != leader }

func (i *injector) killLeader(ctx, during context.Context, random *rand.Rand) bool {
	return i.killManager(ctx, during, upTo(random, 2*time.Second), isLeader)
}

func (i *injector) killFollower(ctx, during context.Context, random *rand.Rand) bool {
	return i.killManager(ctx, during, upTo(random, 2*time.Second), isFollower)
}

func (i *injector) killManager(ctx, during context.Context, downtime time.Duration, wanted func(m, leader *manager) bool) bool {
	m := i.acquireManager(during, wanted)
	if m == nil {
		return false
	}
	defer m.lock.release()
	return i.kill(ctx, m.daemon, downtime)
}

func (i *injector) killAPIServer(ctx, during context.Context, random *rand.Rand) bool {
	return i.killCluster(ctx, during, i.cluster.apiserver, upTo(random, 4*time.Second))
}

func (i *injector) killEtcd(ctx, during context.Context, random *rand.Rand) bool {
	return i.killCluster(ctx, during, i.cluster.etcd, upTo(random, 4*time.Second))
}

// killCluster kills the API server or etcd, and waits until the API server serves again. For as long as that took neither is killed
// again, so that the operator works half of the time at least: the more is stored, the longer an API server takes to start.
func (i *injector) killCluster(ctx, during context.Context, d *daemon, downtime time.Duration) bool {
	if !i.cluster.lock.acquire(during) {
		return false
	}
	defer i.cluster.lock.release()
	away, killed := i.killAndAwait(ctx, during, d, downtime)
	pause(during, away)
	return killed
}

// killAndAwait returns for how long the API server did not serve, and whether the process was killed.
func (i *injector) killAndAwait(ctx, during context.Context, d *daemon, downtime time.Duration) (away time.Duration, killed bool) {
	if !d.lock.acquire(during) {
		return 0, false
	}
	defer d.lock.release()
	defer i.operator.disturbance.begin()()
	begin := time.Now()
	if !i.kill(ctx, d, downtime) {
		return 0, false
	}
	for ctx.Err() == nil {
		err := errors.Join(i.cluster.ready(ctx), i.cluster.serves(ctx))
		if err == nil {
			break
		}
		i.sayf("the API server has been away for %s: %v", time.Since(begin).Round(time.Second), err)
	}
	return time.Since(begin), true
}

// terminateManager sends SIGTERM to a manager: in two of three cases to the leader.
func (i *injector) terminateManager(ctx, during context.Context, random *rand.Rand) bool {
	wanted := isLeader
	if random.IntN(3) == 0 {
		wanted = isFollower
	}
	m := i.acquireManager(during, func(m, leader *manager) bool { return wanted(m, leader) && m.ready(during) == nil })
	if m == nil {
		return false
	}
	defer m.lock.release()
	times, _ := m.started()
	if !m.terminate() {
		return false
	}
	i.sayf("tell %s to end", m.name)
	const limit = 90 * time.Second // for running work, the lease and the requests in flight
	if err := m.awaitRestart(ctx, times, limit); err != nil && ctx.Err() == nil {
		i.operator.crashf("%s did not exit within %s after SIGTERM", m.name, limit)
		m.kill(0)
		return false
	}
	return true
}

// suspendLeader suspends the leader until another manager has taken its lease over (it lasts 15 s), and then resumes it
// as if it still led.
func (i *injector) suspendLeader(ctx, during context.Context, random *rand.Rand) bool {
	long := 17*time.Second + upTo(random, 8*time.Second)
	m := i.acquireManager(during, isLeader)
	if m == nil {
		return false
	}
	defer m.lock.release()
	resume, suspended := m.suspend()
	if !suspended {
		return false
	}
	defer i.operator.disturbance.begin()()
	defer resume()
	i.sayf("stop %s", m.name)
	pause(ctx, long)
	// The takeover has to wait while the API server or the other manager is down.
	err := eventually(ctx, time.Minute, "another manager leads", func(ctx context.Context) error {
		for _, other := range i.operator.managers {
			if other != m && (!i.operator.election || other.leads(ctx)) {
				return nil
			}
		}
		return errors.New("none does")
	})
	resume()
	i.sayf("let %s go on; another leads: %t", m.name, err == nil)
	return err == nil
}

func (i *injector) freezeWatches(ctx, during context.Context, random *rand.Rand) bool {
	long := 3*time.Second + upTo(random, 12*time.Second)
	m := i.acquireManager(during, isLeader)
	if m == nil {
		return false
	}
	defer m.lock.release()
	defer i.operator.disturbance.begin()()
	i.sayf("freeze the watches of %s", m.name)
	m.proxy.Freeze()
	pause(ctx, long)
	return m.proxy.Thaw() > 0
}

// cutWatches cuts the watches of every manager whose lock is free.
func (i *injector) cutWatches(_, during context.Context, _ *rand.Rand) bool {
	m := i.acquireManager(during, func(*manager, *manager) bool { return true })
	if m == nil {
		return false
	}
	watches := m.proxy.CutWatches()
	m.lock.release()
	for _, other := range i.operator.managers {
		if other != m && other.lock.tryAcquire() {
			watches += other.proxy.CutWatches()
			other.lock.release()
		}
	}
	i.sayf("cut %d watches", watches)
	return watches > 0
}

// loseRequests loses one in ten requests of every manager, or its reply. Which ones depends on the order in which they
// arrive.
func (i *injector) loseRequests(ctx, during context.Context, random *rand.Rand) bool {
	long := 4*time.Second + upTo(random, 8*time.Second)
	if !i.lossLock.acquire(during) {
		return false
	}
	defer i.lossLock.release()
	defer i.operator.disturbance.begin()()
	var mutex sync.Mutex
	lost := 0
	decide := func(*http.Request) apiproxy.Verdict {
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
	i.sayf("lose requests and replies")
	for _, m := range i.operator.managers {
		m.proxy.Spoil(decide)
		defer m.proxy.Spoil(nil)
	}
	pause(ctx, long)
	mutex.Lock()
	defer mutex.Unlock()
	return lost > 0
}

// stallRepeatedly suspends etcd again and again for short times, like a slow disk.
func (i *injector) stallRepeatedly(ctx, during context.Context, random *rand.Rand) bool {
	long := 4*time.Second + upTo(random, 6*time.Second)
	return i.stallEtcd(during, func() (stalled bool) {
		for until := time.Now().Add(long); time.Now().Before(until) && ctx.Err() == nil; {
			resume, suspended := i.cluster.etcd.suspend()
			stalled = stalled || suspended
			pause(ctx, 100*time.Millisecond+upTo(random, 900*time.Millisecond))
			resume()
			pause(ctx, 50*time.Millisecond+upTo(random, 300*time.Millisecond))
		}
		return stalled
	})
}

// stallLong suspends etcd for so long that the receivers give up their writes (after 10 s), which etcd then still
// carries out.
func (i *injector) stallLong(ctx, during context.Context, random *rand.Rand) bool {
	long := 11500*time.Millisecond + upTo(random, time.Second)
	return i.stallEtcd(during, func() bool {
		resume, suspended := i.cluster.etcd.suspend()
		defer resume()
		return suspended && pause(ctx, long)
	})
}

func (i *injector) stallEtcd(during context.Context, stall func() bool) bool {
	if !i.cluster.etcd.lock.acquire(during) {
		return false
	}
	defer i.cluster.etcd.lock.release()
	defer i.operator.disturbance.begin()()
	i.sayf("stall etcd")
	return stall()
}

// failMailgun makes the next three messages fail: refused, lost, or accepted without an answer. The next fault waits until the one
// after them has not.
func (i *injector) failMailgun(ctx, during context.Context, random *rand.Rand) bool {
	kinds := []mailguntest.Fault{
		mailguntest.Refuse(http.StatusTooManyRequests), mailguntest.Refuse(http.StatusInternalServerError), mailguntest.Drop,
		mailguntest.AcceptAndFail, mailguntest.AcceptAndDrop, mailguntest.AcceptAndHang,
	}
	if !i.mailLock.acquire(during) {
		return false
	}
	defer i.mailLock.release()
	const messages = 3
	mailgun := i.operator.remotes.mailgun
	before := mailgun.Sends()
	for range messages {
		mailgun.Fail(kinds[random.IntN(len(kinds))])
	}
	defer mailgun.Mend()
	sent := func(ctx context.Context, patience time.Duration, more int) bool {
		return eventually(ctx, patience, "messages are sent", func(context.Context) error {
			if mailgun.Sends() < before+more {
				return errors.New("too few are")
			}
			return nil
		}) == nil
	}
	if !sent(ctx, time.Minute, 1) {
		return false
	}
	i.sayf("Mailgun falters")
	sent(during, time.Hour, messages+1)
	return true
}

// failStripe has Stripe's API fail in one way, until a request has failed and for some seconds more. The next fault waits until an
// object was read: otherwise no e-mail would be sent.
func (i *injector) failStripe(ctx, during context.Context, random *rand.Rand) bool {
	kinds := []struct {
		name  string
		fault stripetest.Fault
	}{
		{"limits the rate", stripetest.RateLimited}, {"answers 500", stripetest.ServerError}, {"drops the connection", stripetest.Dropped},
		{"does not answer", stripetest.Hanging}, {"breaks off the answer", stripetest.Truncated},
	}
	kind, long := kinds[random.IntN(len(kinds))], 2*time.Second+upTo(random, 6*time.Second)
	if !i.stripeLock.acquire(during) {
		return false
	}
	defer i.stripeLock.release()
	failed, stop := i.operator.remotes.account.falter(kind.fault)
	select {
	case <-failed:
	case <-during.Done():
		stop()
		return false
	}
	i.sayf("Stripe's API %s", kind.name)
	pause(ctx, long)
	select {
	case <-stop():
	case <-during.Done():
	}
	return true
}

// requestImport requests another import of all accounts, as a person does.
func (i *injector) requestImport(_, during context.Context, random *rand.Rand) bool {
	request := fmt.Sprintf("%d", random.Uint64())
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, importer.AnnotationImport, request)
	stored := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: i.operator.namespace, Name: importer.ConfigMapName}}
	err := poll(during, time.Second, 5*time.Second, time.Minute, "the import is requested", func(ctx context.Context) error {
		return i.cluster.client.Patch(ctx, stored, client.RawPatch(types.MergePatchType, patch))
	})
	if err != nil {
		return false
	}
	i.sayf("request another import")
	return true
}
