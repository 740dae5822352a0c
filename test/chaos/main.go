// Command chaos tests that no acknowledged event is lost, no e-mail is sent twice, and every status ends as in an
// undisturbed run. Three managers receive the events of generated customers while they, the API server and etcd are
// killed, suspended and cut off at random instants.
//
// It prints one line for each fault, and in the end:
//
//	kills=… acked=… lost=0 doubled=0 diverged=0
//
// It exits with 1 if it finds a problem. With -plant it runs a manager with a planted fault, and should exit with 1.
// With -plant and -finds it exits with 0 only if the run came to rest and its findings show the planted fault.
//
// The same -seed, -duration and -rate generate the same customers' lives (relative to the start), deliveries and faults
// at the same instants. The interleaving of the processes differs from run to run, and with it the requests that are
// lost, the manager that leads when a fault is due, and the time that a fault waits for another one to end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// patience is how long to wait until the managers are ready.
const patience = 2 * time.Minute

// restoreFaults is how long faults are injected after a restore.
const restoreFaults = 15 * time.Second

type options struct {
	duration time.Duration
	seed     uint64
	rate     float64
	plant    string
	finds    bool
	failover int
	keep     bool
}

// patience is how long to wait until the run comes to rest, which a planted fault may prevent.
func (o options) patience() time.Duration {
	if o.plant != "" {
		return 3 * time.Minute
	}
	return 8*time.Minute + o.duration/3 // a long run has more events
}

// limit bounds the duration of the whole program.
func (o options) limit() time.Duration {
	if o.failover > 0 {
		return time.Duration(o.failover)*10*time.Minute + 10*time.Minute
	}
	return 3*o.duration + 10*time.Minute
}

// repeatCommand returns the command that repeats the run.
func (o options) repeatCommand() string {
	if o.failover > 0 {
		return "make failover"
	}
	command := fmt.Sprintf("make chaos SEED=%d DURATION=%s RATE=%g", o.seed, o.duration, o.rate)
	if o.plant != "" {
		command += " PLANT=" + o.plant
	}
	return command
}

func parseFlags() (options, error) {
	var o options
	flag.DurationVar(&o.duration, "duration", 2*time.Minute, "how long to inject faults")
	flag.Uint64Var(&o.seed, "seed", 0, "seed of lives, faults and instants; 0 chooses one at random")
	flag.Float64Var(&o.rate, "rate", 0.5, "customers' lives that start per second")
	flag.StringVar(&o.plant, "plant", "", "plant this fault in the manager: ack-before-create or second-writer")
	flag.BoolVar(&o.finds, "finds", false, "exit with 0 if the run finds the fault of -plant, else with 1")
	flag.IntVar(&o.failover, "failover", 0, "instead, measure this many times how long each kind of failure delays events")
	flag.BoolVar(&o.keep, "keep", false, "keep the logs even after a successful run")
	flag.Parse()
	if o.seed == 0 {
		o.seed = rand.Uint64N(1_000_000) + 1
	}
	if _, known := plants[o.plant]; o.plant != "" && !known {
		return o, fmt.Errorf("-plant: unknown fault %q", o.plant)
	}
	if o.finds && o.plant == "" {
		return o, errors.New("-finds needs -plant")
	}
	return o, nil
}

func main() {
	o, err := parseFlags()
	if err != nil {
		fmt.Fprintf(os.Stderr, "chaos: %v\n", err)
		os.Exit(2)
	}
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	ctx, cancel := context.WithTimeoutCause(ctx, o.limit(), fmt.Errorf("the run did not end within %s", o.limit()))
	context.AfterFunc(ctx, func() {
		stop() // a second signal ends the program at once
		time.AfterFunc(2*time.Minute, func() {
			fmt.Fprintln(os.Stderr, "chaos: the clean-up did not end within 2 minutes")
			os.Exit(1)
		})
	})
	err = run(ctx, o)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "chaos: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, opts options) (err error) {
	folder, err := os.MkdirTemp("", "tollkeeper-chaos-")
	if err != nil {
		return err
	}
	defer func() {
		if errors.Is(ctx.Err(), context.Canceled) { // by a signal: there is no result to show
			err = errors.Join(fmt.Errorf("interrupted: %w", context.Cause(ctx)), os.RemoveAll(folder))
			return
		}
		err = errors.Join(err, cleanUp(folder, opts, err != nil))
	}()
	if opts.failover > 0 {
		return withCluster(ctx, folder, "failover", func(c *cluster) error {
			return measureFailover(ctx, c, folder, opts.failover)
		})
	}
	f, err := compare(ctx, folder, opts)
	switch {
	case ctx.Err() != nil:
		return errors.Join(context.Cause(ctx), err)
	case err != nil:
		return err
	case opts.finds:
		return plants[opts.plant].checkFound(f)
	default:
		return f.err()
	}
}

// compare runs the histories twice, undisturbed and disturbed, and compares the results. An error means that there is
// nothing to compare.
func compare(ctx context.Context, folder string, opts options) (f *findings, err error) {
	histories := newHistories(max(4, int(opts.rate*opts.duration.Seconds())), opts.seed)
	fmt.Printf("seed=%d lives=%d duration=%s %s\n", opts.seed, len(histories), opts.duration, opts.plant)
	unmodified, err := build(ctx, folder, "")
	if err != nil {
		return nil, err
	}
	binary := unmodified
	if opts.plant != "" {
		if binary, err = build(ctx, folder, opts.plant); err != nil {
			return nil, err
		}
	}
	var want map[string]any
	undisturbed := setup{folder: folder, binary: unmodified, namespace: "undisturbed", replicas: 1}
	if err := withCluster(ctx, folder, undisturbed.namespace, func(c *cluster) (err error) {
		want, err = runUndisturbed(ctx, c, undisturbed, histories, opts)
		return err
	}); err != nil {
		return nil, fmt.Errorf("the undisturbed run: %w", err)
	}
	remotes := newRemotes(histories)
	defer remotes.close()
	base := setup{
		folder: folder, binary: binary, remotes: remotes, namespace: "disturbed", replicas: 3,
		election: !plants[opts.plant].withoutElection, flags: plants[opts.plant].flags,
	}
	err = withCluster(ctx, folder, base.namespace, func(c *cluster) error {
		acked, err := recordOld(ctx, c, base, unmodified, histories, opts)
		if err != nil {
			return fmt.Errorf("record the old events: %w", err)
		}
		base.archive = archiveURL(folder)
		f, base.backup, err = runDisturbed(ctx, c, base, histories, acked, want, opts)
		return err
	})
	if err != nil || opts.plant != "" || f.err() != nil {
		return f, err
	}
	base.namespace = "restored"
	err = withCluster(ctx, folder, base.namespace, func(c *cluster) (err error) {
		f, err = runRestored(ctx, c, base, histories, want, opts)
		return err
	})
	return f, err
}

// runUndisturbed runs the histories without faults, and returns the results. A problem here is an error: there is
// nothing to compare with.
func runUndisturbed(ctx context.Context, c *cluster, s setup, histories []*history, opts options) (results map[string]any, err error) {
	s.remotes = newRemotes(histories)
	defer s.remotes.close()
	o, err := newOperator(ctx, c, s)
	closing := sync.OnceValue(o.close)
	defer func() { err = errors.Join(err, closing()) }()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	stripe := newStripe(o, map[string]string{})
	stripe.deliverInOrder(ctx, histories)
	f, end, err := awaitAndCheck(ctx, o, stripe, histories, closing, opts.patience())
	if err != nil {
		return nil, err
	}
	fmt.Printf("undisturbed: %d events, %d customers, %d subscriptions, %d e-mails in %s\n", len(end.events.Items), len(end.customers.Items),
		len(end.subscriptions.Items), len(end.emails.Items), time.Since(begin).Round(time.Second))
	return end.results(), f.err()
}

// runDisturbed runs the histories again while faults are injected, and compares the results. acked are the events that were
// acknowledged before. It also returns the state at the end.
func runDisturbed(
	ctx context.Context, c *cluster, s setup, histories []*history, acked map[string]string, want map[string]any, opts options,
) (f *findings, end *state, err error) {
	o, err := newOperator(ctx, c, s)
	closing := sync.OnceValue(o.close)
	defer func() { err = errors.Join(err, closing()) }()
	if err != nil {
		return nil, nil, err
	}
	stripe, chaos := newStripe(o, acked), newChaos(c, o)
	stripe.deliverShuffled(ctx, histories, opts.duration*9/10, opts.seed)
	chaos.run(ctx, opts.duration, schedule(opts.duration, opts.seed))
	recovery := time.Now()
	f, end, err = awaitAndCheck(ctx, o, stripe, histories, closing, opts.patience())
	if err != nil {
		return nil, nil, err
	}
	took := time.Since(recovery).Round(time.Second)
	f.checkDivergence(want, end.results())
	if names := chaos.neverEffective(); opts.duration >= 2*time.Minute {
		for _, name := range names {
			f.problemf("this fault never took effect: %s", name)
		}
	}
	if len(end.archived) == 0 {
		f.problemf("no event was archived")
	}
	chaos.report()
	fmt.Printf("events=%d posts=%d twins=%d thin=%d imported=%d archived=%d emails=%d %s recovered after %s\n",
		len(sentEvents(histories)), stripe.posts, stripe.twins, thinEvents(histories), len(s.remotes.account.imported), len(end.archived), len(end.emails.Items), o.summary(), took)
	fmt.Printf("kills=%d acked=%d lost=%d doubled=%d diverged=%d\n", chaos.kills, len(stripe.acknowledged()), f.lost, f.doubled, f.diverged)
	return f, end, nil
}

// runRestored restores the state without statuses, as a backup tool does, while the leader is killed again and again. The
// results must be the same, and no e-mail is sent.
func runRestored(
	ctx context.Context, c *cluster, s setup, histories []*history, want map[string]any, opts options,
) (f *findings, err error) {
	begin, sent := time.Now(), len(s.remotes.mailgun.Messages())
	o, err := newOperator(ctx, c, s)
	closing := sync.OnceValue(o.close)
	defer func() { err = errors.Join(err, closing()) }()
	if err != nil {
		return nil, err
	}
	chaos := newChaos(c, o)
	chaos.run(ctx, restoreFaults, killsDuring(restoreFaults, opts.seed))
	f = &findings{}
	end, err := awaitRest(ctx, o, f, opts.patience())
	if err := errors.Join(err, closing()); err != nil {
		return nil, err
	}
	f.checkCrashes(o)
	if err := f.readArchive(ctx, o.archive, end); err != nil {
		return nil, err
	}
	f.checkEvents(end, sentEvents(histories), sentEvents(histories))
	f.checkObjects(end, histories, s.remotes.account.imported)
	got := end.results()
	f.checkOld(want, got, end, histories)
	f.checkDivergence(want, got)
	if again := len(s.remotes.mailgun.Messages()) - sent; again > 0 {
		f.doubled += again
		f.problemf("after the restore %d e-mails were sent again", again)
	}
	fmt.Printf("restored: %d events, %d customers in %s, kills=%d lost=%d doubled=%d diverged=%d\n", len(end.events.Items), len(end.customers.Items),
		time.Since(begin).Round(time.Second), chaos.kills, f.lost, f.doubled, f.diverged)
	return f, nil
}

// awaitAndCheck waits until the operator comes to rest, closes it, and checks everything except the divergence from the
// undisturbed run.
func awaitAndCheck(
	ctx context.Context, o *operator, stripe *stripe, histories []*history, closing func() error, patience time.Duration,
) (*findings, *state, error) {
	f := &findings{}
	f.noteIncomplete(o.cluster.ready(ctx))
	f.noteIncomplete(o.awaitReady(ctx, patience))
	for _, undelivered := range stripe.awaitAll(patience) {
		f.noteIncomplete(errors.New(undelivered))
	}
	s, err := awaitRest(ctx, o, f, patience)
	if err != nil {
		return nil, nil, err
	}
	if err := closing(); err != nil {
		return nil, nil, err
	}
	f.checkCrashes(o)
	if err := f.readArchive(ctx, o.archive, s); err != nil {
		return nil, nil, err
	}
	f.checkEvents(s, sentEvents(histories), stripe.acknowledged())
	f.checkObjects(s, histories, o.remotes.account.imported)
	return f, s, f.checkEmails(s, histories, o.remotes.mailgun.Messages(), o.consumer(ctx))
}

// awaitRest waits until the operator comes to rest, and returns the state. It notes in the findings if the operator does not.
func awaitRest(ctx context.Context, o *operator, f *findings, patience time.Duration) (*state, error) {
	s, err := o.awaitSettled(ctx, patience)
	f.noteIncomplete(err)
	if s == nil {
		if s, err = o.read(ctx); err != nil {
			return nil, errors.Join(f.incompleteError(), err)
		}
	}
	f.noteIncomplete(o.awaitReady(ctx, time.Minute))
	return s, nil
}
