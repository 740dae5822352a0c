package app

import (
	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/product"
	"github.com/tollkeeper/tollkeeper/internal/controller/products"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
)

// productCache makes what the controllers share about Stripe's products.
func (a *App) productCache(cfg config.Config) *products.Cache {
	var source products.Source
	if a.stripe != nil {
		source = a.stripe
	}
	return products.NewCache(source, decoder(cfg), clock.RealClock{}, a.manager.GetLogger().WithName("products"))
}

// addProduct adds the controller of events about products.
func (a *App) addProduct(scope routing.Scope, shared *products.Cache) error {
	return a.setUp(a.manager, "product", &product.Reconciler{
		Client: a.client(), Clock: clock.RealClock{}, Products: shared, Scope: scope,
	}, options(1))
}
