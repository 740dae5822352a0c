package app

import (
	"fmt"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/delivered"
	"github.com/tollkeeper/tollkeeper/internal/controller/notify"
	"github.com/tollkeeper/tollkeeper/internal/notice"
	"github.com/tollkeeper/tollkeeper/internal/sink"
)

// notificationsPerSecond are posted to the sink at most.
const notificationsPerSecond = 20

// addNotify adds what notifies the CloudEvents sink, if there is one.
func (a *App) addNotify(cfg config.Config, accepted *delivered.Mailbox) error {
	if cfg.CloudEventsSink == "" {
		return nil
	}
	r := notify.New(notify.Options{
		Client: a.manager.GetClient(), Reader: a.manager.GetAPIReader(), Clock: clock.RealClock{},
		Sink: sink.New(cfg.CloudEventsSink, a.credentials.signing.Get, clock.RealClock{}), SinkID: notice.SinkID(cfg.CloudEventsSink),
		Delivered: accepted, Limit: rate.NewLimiter(notificationsPerSecond, notificationsPerSecond), Backoff: notify.DefaultBackoff,
	})
	if err := a.later().Add(&notify.Counter{Reconciler: r, Cache: a.manager.GetCache(), Ticker: clock.RealClock{}, Interval: cfg.CountInterval}); err != nil {
		return fmt.Errorf("add the count of notifications: %w", err)
	}
	return a.setUp(a.later(), "notify", r, options(concurrentOthers))
}
