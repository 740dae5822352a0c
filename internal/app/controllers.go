package app

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/cluster"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/backfill"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/backlog"
	"github.com/tollkeeper/tollkeeper/internal/controller/census"
	"github.com/tollkeeper/tollkeeper/internal/controller/customer"
	"github.com/tollkeeper/tollkeeper/internal/controller/delivered"
	"github.com/tollkeeper/tollkeeper/internal/controller/email"
	"github.com/tollkeeper/tollkeeper/internal/controller/ended"
	"github.com/tollkeeper/tollkeeper/internal/controller/erased"
	"github.com/tollkeeper/tollkeeper/internal/controller/features"
	"github.com/tollkeeper/tollkeeper/internal/controller/janitor"
	"github.com/tollkeeper/tollkeeper/internal/controller/pace"
	"github.com/tollkeeper/tollkeeper/internal/controller/paging"
	"github.com/tollkeeper/tollkeeper/internal/controller/products"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/controller/resetlink"
	"github.com/tollkeeper/tollkeeper/internal/controller/resync"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/controller/takeover"
	"github.com/tollkeeper/tollkeeper/internal/controller/unlinked"
	"github.com/tollkeeper/tollkeeper/internal/crdschema"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/mail"
	"github.com/tollkeeper/tollkeeper/internal/recorder"
	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
)

const (
	// reconcileTimeout bounds one reconciliation, so that an API server that does not answer blocks no worker for good.
	reconcileTimeout = time.Minute
	// concurrentCustomers are reconciled at a time. More than a few writes in flight only add latency.
	concurrentCustomers = 4
	concurrentOthers    = 4
	// firstRetry is the backoff after a first error that no object is at fault for. It doubles up to maxRetry: short,
	// so that work goes on soon after the API server is back.
	firstRetry = 5 * time.Millisecond
	maxRetry   = 30 * time.Second
	// maxStripeRetry is maxRetry for reading from Stripe: a key that Stripe refuses is refused for every customer.
	maxStripeRetry = 15 * time.Minute
	// mailsPerSecond are handed to Mailgun at most.
	mailsPerSecond = 10
	// reporter is the name under which Kubernetes events are reported.
	reporter = "tollkeeper"
)

// reconciler is a controller of ours.
type reconciler interface {
	SetupWithManager(mgr ctrl.Manager, options controller.Options) error
}

// addControllers adds what runs on the leader.
func (a *App) addControllers(cfg config.Config) error {
	ctx, scope, mailbox := context.Background(), routing.Scope{Livemode: cfg.Livemode, Accounts: cfg.Accounts}, readings.NewMailbox()
	accepted, noted := delivered.NewMailbox(), erased.NewMailbox()
	shared, entitled := a.productCache(cfg), a.featureAccounts()
	a.takeover = takeover.New(a.manager.GetClient(), scope, clock.RealClock{})
	if err := routing.AddIndexes(ctx, a.manager.GetFieldIndexer(), scope); err != nil {
		return fmt.Errorf("index the caches: %w", err)
	}
	if err := fill(ctx, a.manager.GetCache(), &v1alpha1.BillingEvent{}, &v1alpha1.Customer{}, &v1alpha1.Subscription{}, &v1alpha1.Email{},
		&v1alpha1.PasswordReset{}); err != nil {
		return err
	}
	failed, err := a.cacheFailed(ctx, cfg)
	if err != nil {
		return err
	}
	haveEnded, err := a.addEnded(cfg)
	if err != nil {
		return err
	}
	for _, add := range []func() error{
		a.logLeadership,
		func() error { return a.addCustomer(cfg, scope, mailbox, accepted, noted, shared, failed, haveEnded) },
		func() error { return a.addUnlinked(cfg, scope) },
		func() error { return a.addThin(cfg, scope) },
		func() error { return a.addProduct(scope, shared) },
		func() error { return a.addFailed(cfg, scope, failed) },
		func() error { return a.addEmail(cfg, haveEnded) },
		func() error { return a.addNotify(cfg, accepted) },
		func() error { return a.addErasure(cfg, noted) },
		func() error { return a.addBackfill(cfg) },
		func() error { return a.addImport(cfg, mailbox, entitled) },
		func() error {
			return a.setUp(a.later(), "reset link", &resetlink.Reconciler{Client: a.client()}, options(1))
		},
		func() error { return a.addJanitor(cfg) },
		func() error { return a.addRetention(cfg) },
		func() error { return a.addResync(cfg, mailbox, shared, entitled) },
	} {
		if err := add(); err != nil {
			return err
		}
	}
	return nil
}

// cacheFailed adds a cache of the Failed events, which the manager's own cache does not hold.
func (a *App) cacheFailed(ctx context.Context, cfg config.Config) (cache.Cache, error) {
	failed, err := cluster.New(a.manager.GetConfig(), func(o *cluster.Options) {
		o.Scheme, o.Cache = a.manager.GetScheme(), cacheOptions(cfg.Namespace, byOutcome(v1alpha1.OutcomeFailed))
	})
	if err != nil {
		return nil, fmt.Errorf("make the cache of failed events: %w", err)
	}
	if err := routing.AddFailedIndex(ctx, failed.GetFieldIndexer()); err != nil {
		return nil, fmt.Errorf("index the cache of failed events: %w", err)
	}
	if err := fill(ctx, failed.GetCache(), &v1alpha1.BillingEvent{}); err != nil {
		return nil, err
	}
	if err := a.manager.Add(failed); err != nil {
		return nil, fmt.Errorf("add the cache of failed events: %w", err)
	}
	return failed.GetCache(), nil
}

func (a *App) addCustomer(
	cfg config.Config, scope routing.Scope, mailbox *readings.Mailbox, accepted *delivered.Mailbox, noted *erased.Mailbox,
	shared *products.Cache, failed cache.Cache, haveEnded ended.Set,
) error {
	schemas, err := crdschema.Load()
	if err != nil {
		return err
	}
	return a.setUp(a.takeover.First(a.manager), "customer", &customer.Reconciler{
		Client: a.client(), Reader: a.manager.GetAPIReader(), Clock: clock.RealClock{},
		Recorder: a.manager.GetEventRecorder(reporter), Policy: cfg.Policy, Change: events.Change, Schemas: schemas,
		HasStripe: a.stripe != nil, Ended: haveEnded, GoneBefore: a.horizon(cfg).GoneBefore, Failed: failed, Readings: mailbox,
		Delivered: accepted, Erased: noted, Products: shared, Scope: scope, MailMaxAge: cfg.MailMaxAge,
		MailedAccounts: mailedAccounts(cfg),
		Takeover:       a.takeover, EventAttempts: cfg.EventAttempts, Pace: &pace.Pace{Delay: cfg.BatchDelay, Clock: clock.RealClock{}},
	}, options(concurrentCustomers))
}

// addEnded adds what knows which customers have ended events.
func (a *App) addEnded(cfg config.Config) (*ended.Customers, error) {
	list, err := ended.NewRows(a.manager.GetConfig(), a.manager.GetHTTPClient(), cfg.Namespace)
	if err != nil {
		return nil, err
	}
	customers := ended.New(list, a.manager.GetCache(), &paging.Pacer{Clock: clock.RealClock{}, Share: paging.DefaultShare},
		a.manager.GetLogger().WithName("ended"))
	if err := a.manager.Add(customers); err != nil {
		return nil, fmt.Errorf("add the list of customers with ended events: %w", err)
	}
	return customers, nil
}

func (a *App) addUnlinked(cfg config.Config, scope routing.Scope) error {
	return a.setUp(a.manager, "unlinked", &unlinked.Reconciler{
		Client: a.client(), Reader: a.manager.GetAPIReader(), Clock: clock.RealClock{}, Stripe: a.stripe, Scope: scope,
		LinkTimeout: cfg.LinkTimeout, StripeDelay: cfg.RefetchDelay, DeletesEvents: cfg.DeletesEvents(),
	}, options(concurrentOthers))
}

// addFailed adds what works on the Failed events, and what counts them and the Customers.
func (a *App) addFailed(cfg config.Config, scope routing.Scope, failed cache.Cache) error {
	if err := a.manager.Add(&backlog.Counter{
		Pending: a.client(), Failed: failed, Scope: scope, Clock: clock.RealClock{},
		Interval: cfg.CountInterval, LinkTimeout: cfg.LinkTimeout,
	}); err != nil {
		return fmt.Errorf("add the count of the backlog: %w", err)
	}
	if err := a.later().Add(&census.Counter{Client: a.client(), Cache: a.manager.GetCache(), Clock: clock.RealClock{}, Interval: cfg.CountInterval}); err != nil {
		return fmt.Errorf("add the count of the Customers: %w", err)
	}
	return a.addRetry(cfg, scope, failed)
}

// addEmail adds the controller of e-mails. Without Mailgun's settings it shows that they are missing.
func (a *App) addEmail(cfg config.Config, haveEnded ended.Set) error {
	templates, err := mail.LoadTemplates(cfg.MailTemplates)
	if err != nil {
		return err
	}
	r := &email.Reconciler{
		Client: a.client(), Reader: a.manager.GetAPIReader(), Ended: haveEnded, Clock: clock.RealClock{}, Off: !cfg.Emails,
		MailedAccounts: mailedAccounts(cfg),
		Letter: func() email.Letter {
			mails := a.credentials.mails.Get()
			return email.Letter{
				Templates: templates, AppName: cmp.Or(mails.Name, mails.Domain), Domain: mails.Domain,
				ResetURL: mails.PasswordResetURL, ResetTTL: cfg.ResetTokenTTL,
			}
		},
		Mailgun: mail.NewMailgun(a.credentials.mailgun),
		Limit:   rate.NewLimiter(mailsPerSecond, mailsPerSecond), Settle: cfg.MailSettle, MaxAge: cfg.MailMaxAge,
		Quota: func() email.Quota {
			return email.Quota{Limit: cfg.MailsPerAddress, Secret: a.credentials.mails.Get().APIKey}
		},
	}
	if a.stripe != nil {
		r.Stripe = a.stripe
	}
	a.credentials.mailsChanged = r.SettingsChanged
	return a.setUp(a.later(), "email", r, options(concurrentOthers))
}

// mailedAccounts are the connected accounts whose customers are sent e-mails.
func mailedAccounts(cfg config.Config) stripeaccount.Selection {
	if cfg.ConnectedEmails {
		return cfg.Accounts
	}
	return nil
}

// addJanitor adds what deletes settled Emails and PasswordResets, unless they are kept.
func (a *App) addJanitor(cfg config.Config) error {
	if cfg.EmailRetention == 0 {
		return nil
	}
	return a.setUp(a.later(), "janitor", &janitor.Reconciler{
		Client: a.client(), Clock: clock.RealClock{}, Retention: cfg.EmailRetention, MaxAge: cfg.MailMaxAge,
	}, options(1))
}

// addResync adds the comparison with Stripe, if there is a key.
func (a *App) addResync(
	cfg config.Config, mailbox *readings.Mailbox, shared *products.Cache, entitled *features.Accounts,
) error {
	if a.stripe == nil {
		return nil
	}
	r := &resync.Reconciler{
		Client: a.client(), Stripe: a.stripe, Decoder: decoder(cfg), Readings: mailbox, Products: shared, Features: entitled,
		Clock: clock.RealClock{}, Recorder: a.manager.GetEventRecorder(reporter), SweepInterval: cfg.ResyncInterval, DoubtDelay: cfg.RefetchDelay,
		Accounts: cfg.Accounts, BackfillRunning: a.isBackfilling, ImportRunning: a.isImporting,
	}
	patient := options(concurrentOthers)
	patient.RateLimiter = workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, maxStripeRetry)
	return a.setUp(a.later(), "resync", r, patient)
}

// addBackfill adds the listing of missed events, if there is a key.
func (a *App) addBackfill(cfg config.Config) error {
	if a.stripe == nil || cfg.BackfillInterval == 0 {
		return nil
	}
	log := a.manager.GetLogger().WithName("backfill")
	a.backfill = &backfill.Backfill{
		Source: a.stripe, Decoder: decoder(cfg), Recorder: a.recorder(cfg, recorder.ViaBackfill),
		Checkpoints: backfill.Checkpoints{
			Reader: a.manager.GetAPIReader(), Writer: a.client(), Namespace: cfg.Namespace, Log: log,
		},
		Customers: a.client(), Namespace: cfg.Namespace, Accounts: cfg.Accounts,
		Interval: cfg.BackfillInterval, Window: cfg.BackfillWindow, Clock: clock.RealClock{}, Log: log,
	}
	if err := a.later().Add(a.backfill); err != nil {
		return fmt.Errorf("add the backfill: %w", err)
	}
	return nil
}

// later is the manager to which is added what a new leader begins after the customers with pending events: what looks at all
// Customers, their e-mails or the trail.
func (a *App) later() ctrl.Manager { return a.takeover.Rest(a.manager) }

func (a *App) setUp(mgr ctrl.Manager, name string, r reconciler, options controller.Options) error {
	options.LogConstructor = a.logOf(name)
	if err := r.SetupWithManager(mgr, options); err != nil {
		return fmt.Errorf("set up the %s controller: %w", name, err)
	}
	return nil
}

// options bounds a controller. The rate limiter spaces out the retries of one object.
func options(concurrent int) controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: concurrent,
		ReconciliationTimeout:   reconcileTimeout,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, maxRetry),
	}
}

// fill starts the informers of kinds, so that a replica that takes over finds its caches filled. (Controllers that warm
// up would fill their queues too, which nothing drains until the replica leads.)
func fill(ctx context.Context, c cache.Cache, kinds ...client.Object) error {
	for _, kind := range kinds {
		if _, err := c.GetInformer(ctx, kind); err != nil {
			return fmt.Errorf("fill the cache of %T: %w", kind, err)
		}
	}
	return nil
}
