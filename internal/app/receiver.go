package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/recorder"
	"github.com/tollkeeper/tollkeeper/internal/yield"
)

func (a *App) addReceiver(cfg config.Config) error {
	log := a.manager.GetLogger().WithName("receiver")
	events := &announced{recorder: a.recorder(cfg, recorder.ViaWebhook), gate: &a.gate}
	handler := receiver.NewHandler(a.credentials.endpoint.Get, cfg.MaxInFlight, decoder(cfg), events, clock.RealClock{}, log)
	certificate, err := a.watchCertificate(cfg.ReceiverCertPath)
	if err != nil {
		return err
	}
	a.receiverCertificate = certificate
	a.receiver = receiver.NewServer(cfg.ReceiverBindAddress, certificate, cfg.DrainDelay, handler, log)
	if err := a.manager.Add(a.receiver); err != nil {
		return fmt.Errorf("add the receiver: %w", err)
	}
	return nil
}

// watchCertificate returns a function that loads the current certificate from the folder; nil without a folder.
func (a *App) watchCertificate(folder string) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	if folder == "" {
		return nil, nil
	}
	watcher, err := certwatcher.New(filepath.Join(folder, corev1.TLSCertKey), filepath.Join(folder, corev1.TLSPrivateKeyKey))
	if err != nil {
		return nil, fmt.Errorf("read the receiver's certificate (--receiver-cert-path): %w", err)
	}
	if err := a.manager.Add(watcher); err != nil {
		return nil, fmt.Errorf("watch the receiver's certificate: %w", err)
	}
	return watcher.GetCertificate, nil
}

// announced is a recorder at whose records other writes give way.
type announced struct {
	recorder *recorder.Recorder
	gate     *yield.Gate
}

func (r *announced) Record(ctx context.Context, e *v1alpha1.BillingEventSpec) (recorded bool, err error) {
	defer r.gate.Begin()()
	return r.recorder.Record(ctx, e)
}
