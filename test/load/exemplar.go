package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// exemplarName is in every id of the customer of which copies are made.
const exemplarName = "EXEMPLARxxxxxx"

// exemplar is a customer that has signed up 30 days ago, too long ago for e-mails, as JSON: its Customer, its
// Subscription, and its settled BillingEvents. Copies of it are what the manager would have written for other customers.
type exemplar struct {
	signedUp               time.Time
	customer, subscription unstructured.Unstructured
	events                 []unstructured.Unstructured
}

// newExemplar signs one customer up through a manager.
func (b *bench) newExemplar(ctx context.Context) (t *exemplar, err error) {
	namespace, err := b.namespace(ctx, "exemplar")
	if err != nil {
		return nil, err
	}
	m, err := b.startManager(ctx, namespace, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.stop()) }()
	t = &exemplar{signedUp: time.Now().AddDate(0, 0, -30).Truncate(time.Second)}
	c := signedUp(exemplarName, t.signedUp)
	s := newSender(m.endpoint, 1)
	s.add(0, time.Now(), c.take(), atOnce)
	if err := errors.Join(s.run(ctx, 1), b.awaitSettled(ctx, namespace)); err != nil {
		return nil, err
	}
	for kind, object := range map[string]*unstructured.Unstructured{"Customer": &t.customer, "Subscription": &t.subscription} {
		object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
		name := c.objects()[0]
		if kind == "Subscription" {
			name = c.objects()[1]
		}
		if err := b.plane.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object); err != nil {
			return nil, err
		}
	}
	var list unstructured.UnstructuredList
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("BillingEventList"))
	if err := b.plane.Client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	t.events = list.Items
	return t, nil
}

// customers copies the exemplar's Customer and Subscription for each name, into a namespace.
func (t *exemplar) customers(namespace string, names []string) ([]stored, error) {
	var objects []stored
	for _, name := range names {
		c := &copier{namespace: namespace, name: name, owner: uuid.NewUUID()}
		subscriptionID, _, _ := unstructured.NestedString(t.subscription.Object, "spec", "subscriptionID")
		c.renamed = [2]string{t.subscription.GetName(), naming.Object("", strings.ReplaceAll(subscriptionID, exemplarName, name))}
		customer := c.copy(&t.customer, "customers", "customerID", c.owner)
		c.customer = customer.name
		subscription := c.copy(&t.subscription, "subscriptions", "subscriptionID", uuid.NewUUID())
		if c.err != nil {
			return nil, c.err
		}
		objects = append(objects, customer, subscription)
	}
	return objects, nil
}

// settledEvents copies n of the exemplar's events, for as many customers as that takes.
func (t *exemplar) settledEvents(namespace, prefix string, n int) ([]stored, error) {
	var objects []stored
	for i := 0; len(objects) < n; i++ {
		c := &copier{namespace: namespace, name: fmt.Sprintf("%s%08d", prefix, i)}
		for j := range t.events {
			objects = append(objects, c.copy(&t.events[j], "billingevents", "eventID", uuid.NewUUID()))
		}
		if c.err != nil {
			return nil, c.err
		}
	}
	return objects[:n], nil
}

// copier copies the exemplar's objects for one other customer.
type copier struct {
	namespace, name string
	owner           types.UID // of the Customer
	customer        string    // the name of the Customer object, once it is copied
	renamed         [2]string // the name of the exemplar's Subscription, and that of the copy, which the Customer shows
	err             error
}

// copy is the object with the customer's name in all ids, in the form in which the API server stores it. idField is the
// field of the spec that has Stripe's id.
func (c *copier) copy(original *unstructured.Unstructured, resource, idField string, uid types.UID) stored {
	text, err := json.Marshal(original.Object)
	if err != nil {
		c.err = err
		return stored{}
	}
	var o unstructured.Unstructured
	if c.renamed[0] != "" {
		text = bytes.ReplaceAll(text, []byte(c.renamed[0]), []byte(c.renamed[1]))
	}
	text = bytes.ReplaceAll(text, []byte(exemplarName), []byte(c.name))
	if err := json.Unmarshal(text, &o.Object); err != nil {
		c.err = err
		return stored{}
	}
	id, _, _ := unstructured.NestedString(o.Object, "spec", idField)
	o.SetName(naming.Object("", id))
	o.SetNamespace(c.namespace)
	o.SetUID(uid)
	o.SetResourceVersion("")
	if resource == "subscriptions" {
		c.err = errors.Join(c.err, unstructured.SetNestedField(o.Object, c.customer, "spec", "customerRef", "name"))
		references := o.GetOwnerReferences()
		for i := range references {
			references[i].Name, references[i].UID = c.customer, c.owner
		}
		o.SetOwnerReferences(references)
	}
	value, err := json.Marshal(o.Object)
	c.err = errors.Join(c.err, err)
	return stored{
		name: o.GetName(), value: value,
		key: fmt.Appendf(nil, "/registry/%s/%s/%s/%s", v1alpha1.GroupVersion.Group, resource, c.namespace, o.GetName()),
	}
}
