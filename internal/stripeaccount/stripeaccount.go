// Package stripeaccount holds what the backfill and the import do once per Stripe account: list the accounts, and store
// how far each is.
package stripeaccount

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Name is the account's name in logs, and its key in a ConfigMap. The platform's own account has no id.
func Name(account string) string { return cmp.Or(account, "platform") }

// List returns the platform's own account (""), every connected account that the selection names, and every other one
// that it lets in and that has a Customer in the namespace.
func List(ctx context.Context, reader client.Reader, namespace string, selection Selection) ([]string, error) {
	accounts := sets.New("").Insert(selection...).Delete(All)
	if !slices.Contains(selection, All) {
		return sets.List(accounts), nil
	}
	var customers v1alpha1.CustomerList
	if err := reader.List(ctx, &customers, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list Customers: %w", err)
	}
	for i := range customers.Items {
		if account := customers.Items[i].Spec.Account; selection.Includes(account) {
			accounts.Insert(account)
		}
	}
	return sets.List(accounts), nil
}

// ConfigMap is the ConfigMap in which a checkpoint is stored for each account, under the account's Name.
type ConfigMap struct {
	// Reader reads from the API server directly: a cache of ConfigMaps for this one would be wasteful.
	Reader    client.Reader
	Writer    client.Writer
	Namespace string
	Name      string
}

// Get reads the ConfigMap, or returns a new one if it does not exist.
func (c ConfigMap) Get(ctx context.Context) (*corev1.ConfigMap, error) {
	var stored corev1.ConfigMap
	err := c.Reader.Get(ctx, client.ObjectKey{Namespace: c.Namespace, Name: c.Name}, &stored)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("get ConfigMap %s: %w", c.Name, err)
	}
	if err != nil {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: c.Name}}, nil
	}
	return &stored, nil
}

// Put writes what Get returned, after a change.
func (c ConfigMap) Put(ctx context.Context, stored *corev1.ConfigMap) error {
	var err error
	if stored.ResourceVersion == "" {
		err = c.Writer.Create(ctx, stored, client.DisableReadYourWritesConsistency)
	} else {
		err = c.Writer.Update(ctx, stored, client.DisableReadYourWritesConsistency)
	}
	if err != nil {
		return fmt.Errorf("write ConfigMap %s: %w", c.Name, err)
	}
	return nil
}

// Save stores the account's checkpoint and leaves the others as they are.
func (c ConfigMap) Save(ctx context.Context, account, checkpoint string) error {
	stored, err := c.Get(ctx)
	if err != nil {
		return err
	}
	if stored.Data == nil {
		stored.Data = map[string]string{}
	}
	stored.Data[Name(account)] = checkpoint
	return c.Put(ctx, stored)
}
