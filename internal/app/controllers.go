package app

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/cluster"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/backfill"
	"github.com/tollkeeper/tollkeeper/internal/config"
	tkcontroller "github.com/tollkeeper/tollkeeper/internal/controller"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/mail"
)

const (
	// reconcileTimeout bounds one reconciliation, so that an API server that does not answer holds nothing up for good.
	reconcileTimeout = time.Minute
	// concurrentCustomers are reconciled at a time. More than a few writes in flight only add latency.
	concurrentCustomers = 8
	concurrentOthers    = 4
	// firstRetry after what failed for no fault of its own, then twice as long each time, up to lastRetry: nobody says when the API server
	// is back, and all that waits is to go on soon after.
	firstRetry = 5 * time.Millisecond
	lastRetry  = 30 * time.Second
	// lastStripeRetry is lastRetry for asking Stripe: a key that it refuses is refused for every customer.
	lastStripeRetry = 15 * time.Minute
	// mailsPerSecond are handed to Mailgun at most.
	mailsPerSecond = 10
)

func (a *App) addControllers(cfg config.Config) error {
	scope := tkcontroller.Scope{Livemode: cfg.Livemode}
	if err := tkcontroller.Index(context.Background(), a.manager.GetFieldIndexer(), scope); err != nil {
		return fmt.Errorf("index the caches: %w", err)
	}
	if err := fill(context.Background(), a.manager.GetCache(), &v1alpha1.BillingEvent{}, &v1alpha1.Customer{}, &v1alpha1.Subscription{}, &v1alpha1.Email{}); err != nil {
		return err
	}
	c, reader, now := a.manager.GetClient(), a.manager.GetAPIReader(), clock.RealClock{}
	notices, comparisons := a.manager.GetEventRecorder("tollkeeper"), tkcontroller.NewComparisons()
	if err := (&tkcontroller.CustomerReconciler{
		Client: c, Reader: reader, Clock: now, Policy: cfg.Policy, Recorder: notices, Change: events.Change, Comparisons: comparisons, Scope: scope,
		MailMaxAge: cfg.MailMaxAge, EventAttempts: cfg.EventAttempts,
	}).SetupWithManager(a.manager, options(concurrentCustomers)); err != nil {
		return fmt.Errorf("set up the customer controller: %w", err)
	}
	if err := (&tkcontroller.EventReconciler{
		Client: c, Reader: reader, Clock: now, Stripe: a.stripe, Scope: scope, LinkTimeout: cfg.LinkTimeout, Delay: cfg.RefetchDelay,
	}).SetupWithManager(a.manager, options(concurrentOthers)); err != nil {
		return fmt.Errorf("set up the event controller: %w", err)
	}
	if err := a.addRetry(cfg, scope); err != nil {
		return err
	}
	if err := a.addEmails(cfg); err != nil {
		return err
	}
	return a.addSync(cfg, comparisons)
}

// addRetry adds what looks at failed events, which the manager's own cache does not hold, and what counts them.
func (a *App) addRetry(cfg config.Config, scope tkcontroller.Scope) error {
	failed, err := cluster.New(a.manager.GetConfig(), func(o *cluster.Options) {
		o.Scheme, o.Cache = a.manager.GetScheme(), cacheOptions(cfg.Namespace, v1alpha1.OutcomeFailed)
	})
	if err != nil {
		return fmt.Errorf("make the cache of failed events: %w", err)
	}
	if err := fill(context.Background(), failed.GetCache(), &v1alpha1.BillingEvent{}); err != nil {
		return err
	}
	if err := a.manager.Add(failed); err != nil {
		return fmt.Errorf("add the cache of failed events: %w", err)
	}
	r := &tkcontroller.RetryReconciler{Failed: failed.GetCache(), Client: a.manager.GetClient()}
	if err := r.SetupWithManager(a.manager, options(1)); err != nil {
		return fmt.Errorf("set up the retry controller: %w", err)
	}
	if err := a.manager.Add(&tkcontroller.Backlog{
		Pending: a.manager.GetClient(), Failed: failed.GetCache(), Scope: scope, Clock: clock.RealClock{}, LinkTimeout: cfg.LinkTimeout,
	}); err != nil {
		return fmt.Errorf("add the count of events: %w", err)
	}
	return nil
}

// addEmails adds what sends the e-mails, if Mailgun is configured; else what says that it is not.
func (a *App) addEmails(cfg config.Config) error {
	templates, err := mail.LoadTemplates(cfg.MailTemplates)
	if err != nil {
		return err
	}
	r := &tkcontroller.EmailReconciler{
		Client: a.manager.GetClient(), Reader: a.manager.GetAPIReader(), Clock: clock.RealClock{}, Off: !cfg.Emails,
		Letter: tkcontroller.Letter{
			Templates: templates, AppName: cmp.Or(cfg.App.Name, cfg.Mailgun.Domain), Domain: cfg.Mailgun.Domain,
			ResetURL: cfg.App.PasswordResetURL, ResetTTL: cfg.ResetTokenTTL,
		},
		Limit: rate.NewLimiter(mailsPerSecond, mailsPerSecond), Settle: cfg.MailSettle,
	}
	if cfg.Mailgun.Configured() {
		r.Mailgun = mail.NewMailgun(cfg.Mailgun.Domain, cfg.Mailgun.APIKey, cfg.Mailgun.SenderEmail, cfg.Mailgun.APIBase)
	}
	if err := r.SetupWithManager(a.manager, options(concurrentOthers)); err != nil {
		return fmt.Errorf("set up the email controller: %w", err)
	}
	return nil
}

// fill has a replica that takes over find its caches filled. (Controllers that warm up would fill their queues, too, which nobody empties
// before.)
func fill(ctx context.Context, c cache.Cache, kinds ...client.Object) error {
	for _, kind := range kinds {
		if _, err := c.GetInformer(ctx, kind); err != nil {
			return fmt.Errorf("fill the cache of %T: %w", kind, err)
		}
	}
	return nil
}

func options(concurrent int) controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: concurrent,
		ReconciliationTimeout:   reconcileTimeout,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
		SkipNameValidation:      new(true), // tests run several managers in one process
	}
}

// addBackfill adds the look for missed events, if there is a key to look with.
func (a *App) addBackfill(cfg config.Config) error {
	if a.stripe == nil || cfg.BackfillInterval == 0 {
		return nil
	}
	log := a.manager.GetLogger().WithName("backfill")
	a.backfill = &backfill.Backfill{
		Source: a.stripe, Decoder: decoder(cfg), Recorder: a.recorder(cfg),
		Checkpoints: backfill.Checkpoints{
			Reader: a.manager.GetAPIReader(), Writer: a.manager.GetClient(), Namespace: cfg.Namespace, Log: log,
		},
		Customers: a.manager.GetClient(), Namespace: cfg.Namespace,
		Interval: cfg.BackfillInterval, Window: cfg.BackfillWindow, Clock: clock.RealClock{}, Log: log,
	}
	if err := a.manager.Add(a.backfill); err != nil {
		return fmt.Errorf("add the backfill: %w", err)
	}
	return nil
}

// addSync adds what asks Stripe for its objects, if there is a key to ask with.
func (a *App) addSync(cfg config.Config, comparisons *tkcontroller.Comparisons) error {
	if a.stripe == nil {
		return nil
	}
	r := &tkcontroller.SyncReconciler{
		Client: a.manager.GetClient(), Stripe: a.stripe, Decoder: decoder(cfg), Comparisons: comparisons, Clock: clock.RealClock{},
		Recorder: a.manager.GetEventRecorder("tollkeeper"), Interval: cfg.ResyncInterval, Delay: cfg.RefetchDelay,
	}
	if a.backfill != nil {
		r.Looking = a.backfill.Looking
	}
	patient := options(concurrentOthers)
	patient.RateLimiter = workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastStripeRetry)
	if err := r.SetupWithManager(a.manager, patient); err != nil {
		return fmt.Errorf("set up the sync controller: %w", err)
	}
	return nil
}
