// Command chaos shows that nothing acknowledged is lost, nothing is sent twice, and every status ends as it would have undisturbed:
// two managers take customers' lives in while they, the API server and etcd are killed, stopped and cut off at random instants.
//
// It prints one line for each fault as it comes, and one at the end:
//
//	kills=… acked=… lost=0 doubled=0 diverged=0
//
// It exits 1 if anything is wrong. With -plant it runs a manager with a known fault, and is to exit 1; with -finds as well it exits 0 if,
// and only if, it came to its verdict and found in it what was planted.
//
// The same -seed, -duration and -rate make the same lives (but for the day they are lived on), deliveries and faults, due at the same
// instants. What cannot be repeated is how the processes interleave, and with it which requests are lost, who leads when a fault comes, and
// how long a fault waits for another to be over.
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

// patience bounds the wait for managers to be there.
const patience = 2 * time.Minute

type options struct {
	duration time.Duration
	seed     uint64
	rate     float64
	plant    string
	finds    bool
	failover int
	keep     bool
}

// patience bounds the wait until all is done. A planted fault may keep it from ever being so.
func (o options) patience() time.Duration {
	if o.plant != "" {
		return 3 * time.Minute
	}
	return 8 * time.Minute
}

// limit bounds everything.
func (o options) limit() time.Duration {
	if o.failover > 0 {
		return time.Duration(o.failover)*10*time.Minute + 10*time.Minute
	}
	return 2*o.duration + 10*time.Minute
}

// again is the command that repeats the run.
func (o options) again() string {
	if o.failover > 0 {
		return "make failover"
	}
	command := fmt.Sprintf("make chaos SEED=%d DURATION=%s RATE=%g", o.seed, o.duration, o.rate)
	if o.plant != "" {
		command += " PLANT=" + o.plant
	}
	return command
}

func parse() (options, error) {
	var o options
	flag.DurationVar(&o.duration, "duration", 2*time.Minute, "how long things go wrong")
	flag.Uint64Var(&o.seed, "seed", 0, "makes lives, faults and instants; 0 for another one each time")
	flag.Float64Var(&o.rate, "rate", 0.5, "lives that begin in a second")
	flag.StringVar(&o.plant, "plant", "", "run a manager with this fault: ack-before-create or second-writer")
	flag.BoolVar(&o.finds, "finds", false, "exit 0 if the run finds what -plant has planted, and 1 if it does not")
	flag.IntVar(&o.failover, "failover", 0, "measure how long events stand still, so many times each way, instead")
	flag.BoolVar(&o.keep, "keep", false, "keep the logs even if nothing is wrong")
	flag.Parse()
	if o.seed == 0 {
		o.seed = rand.Uint64N(1_000_000) + 1
	}
	if _, known := plants[o.plant]; o.plant != "" && !known {
		return o, fmt.Errorf("-plant: there is no fault %q", o.plant)
	}
	if o.finds && o.plant == "" {
		return o, errors.New("-finds: there is nothing to find without -plant")
	}
	return o, nil
}

func main() {
	o, err := parse()
	if err != nil {
		fmt.Fprintf(os.Stderr, "chaos: %v\n", err)
		os.Exit(2)
	}
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	ctx, cancel := context.WithTimeoutCause(ctx, o.limit(), fmt.Errorf("the run was not over after %s", o.limit()))
	context.AfterFunc(ctx, func() {
		stop() // a second signal ends it at once
		time.AfterFunc(2*time.Minute, func() {
			fmt.Fprintln(os.Stderr, "chaos: it could not be brought to an end in order")
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
		if errors.Is(ctx.Err(), context.Canceled) { // nobody wants to know what became of it
			err = errors.Join(fmt.Errorf("broken off: %w", context.Cause(ctx)), os.RemoveAll(folder))
			return
		}
		err = errors.Join(err, leave(folder, opts, err != nil))
	}()
	c, err := newCluster(ctx, folder)
	defer func() { err = errors.Join(err, c.close()) }()
	if err != nil {
		return err
	}
	if opts.failover > 0 {
		return measureFailover(ctx, c, folder, opts.failover)
	}
	v, err := compare(ctx, c, folder, opts)
	switch {
	case ctx.Err() != nil:
		return errors.Join(context.Cause(ctx), err)
	case err != nil:
		return err
	case opts.finds:
		return plants[opts.plant].finding(v)
	default:
		return v.err()
	}
}

// compare lives the lives twice, undisturbed and disturbed. An error is what kept it from a verdict.
func compare(ctx context.Context, c *cluster, folder string, opts options) (*verdict, error) {
	lives := newLives(max(4, int(opts.rate*opts.duration.Seconds())), opts.seed)
	fmt.Printf("seed=%d lives=%d duration=%s %s\n", opts.seed, len(lives), opts.duration, opts.plant)
	sound, err := build(ctx, folder, "")
	if err != nil {
		return nil, err
	}
	binary := sound
	if opts.plant != "" {
		if binary, err = build(ctx, folder, opts.plant); err != nil {
			return nil, err
		}
	}
	want, err := undisturbed(ctx, c, folder, sound, lives, opts)
	if err != nil {
		return nil, fmt.Errorf("the undisturbed run: %w", err)
	}
	return disturbed(ctx, c, folder, binary, lives, want, opts)
}

// undisturbed is how the lives end when nothing goes wrong. Something wrong here is an error: there is nothing to compare with.
func undisturbed(ctx context.Context, c *cluster, folder, binary string, lives []*life, opts options) (results map[string]any, err error) {
	o, err := newOperator(ctx, c, folder, binary, "undisturbed", 1, false)
	closing := sync.OnceValue(o.close)
	defer func() { err = errors.Join(err, closing()) }()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	stripe := newStripe(o)
	stripe.inOrder(ctx, lives)
	v, s, err := outcome(ctx, o, stripe, lives, closing, opts.patience())
	if err != nil {
		return nil, err
	}
	fmt.Printf("undisturbed: %d events, %d customers, %d subscriptions, %d e-mails in %s\n", len(s.events.Items), len(s.customers.Items),
		len(s.subscriptions.Items), len(s.emails.Items), time.Since(begin).Round(time.Second))
	return s.results(), v.err()
}

// disturbed lives the lives again while things go wrong, and compares.
func disturbed(
	ctx context.Context, c *cluster, folder, binary string, lives []*life, want map[string]any, opts options,
) (v *verdict, err error) {
	o, err := newOperator(ctx, c, folder, binary, "disturbed", 2, !plants[opts.plant].everybodyLeads)
	closing := sync.OnceValue(o.close)
	defer func() { err = errors.Join(err, closing()) }()
	if err != nil {
		return nil, err
	}
	stripe, chaos := newStripe(o), newChaos(c, o)
	stripe.shuffled(ctx, lives, opts.duration*9/10, opts.seed)
	chaos.run(ctx, opts.duration, schedule(opts.duration, opts.seed))
	recovery := time.Now()
	v, s, err := outcome(ctx, o, stripe, lives, closing, opts.patience())
	if err != nil {
		return nil, err
	}
	took := time.Since(recovery).Round(time.Second)
	v.divergence(want, s.results())
	if names := chaos.missing(); opts.duration >= 2*time.Minute {
		for _, name := range names {
			v.addf("the run shows nothing of this, as it never took effect: %s", name)
		}
	}
	chaos.report()
	acked := stripe.acknowledged()
	fmt.Printf("events=%d posts=%d twins=%d emails=%d %s recovered after %s\n",
		len(sent(lives)), stripe.posts, stripe.twins, len(s.emails.Items), o.excuses(), took)
	fmt.Printf("kills=%d acked=%d lost=%d doubled=%d diverged=%d\n", chaos.kills, len(acked), v.lost, v.doubled, v.diverged)
	return v, nil
}

// outcome waits until all is over, closes the operator, and judges everything but what only a comparison shows.
func outcome(
	ctx context.Context, o *operator, stripe *stripe, lives []*life, closing func() error, patience time.Duration,
) (*verdict, *state, error) {
	v := &verdict{}
	v.unsettled(o.cluster.ready(ctx))
	v.unsettled(o.whole(ctx, patience))
	for _, undelivered := range stripe.finish(patience) {
		v.unsettled(errors.New(undelivered))
	}
	s, err := o.settled(ctx, patience)
	v.unsettled(err)
	if s == nil {
		if s, err = o.read(ctx); err != nil {
			return nil, nil, errors.Join(v.unjudged(), err)
		}
	}
	v.unsettled(o.whole(ctx, time.Minute))
	if err := closing(); err != nil {
		return nil, nil, err
	}
	v.crashes(o)
	return v, s, v.judge(s, lives, stripe.acknowledged(), o.mailgun.Messages(), o.use(ctx))
}
