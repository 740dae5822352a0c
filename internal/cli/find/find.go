package find

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

const (
	// DefaultNamespace is where Tollkeeper is installed unless an overlay says otherwise.
	DefaultNamespace = "tollkeeper-system"
	// LeaseName is the Lease that the leader holds.
	LeaseName = "leader.billing.tollkeeper.dev"
	// page is how many objects one request lists.
	page = 500
)

// Finder finds objects.
type Finder struct {
	Reader client.Reader
	// Namespace is the one of --namespace, or else the kubeconfig's.
	Namespace string
	// Only reports that --namespace was given: no other namespace is searched.
	Only bool
}

// Customer finds the customer that a person means. An id of a subscription, an event, a charge or a payment leads to its
// customer.
func (f Finder) Customer(ctx context.Context, text string) (*v1alpha1.Customer, error) {
	query, err := Parse(text)
	if err != nil {
		return nil, err
	}
	found, err := search(ctx, f, query, "customer", func(ctx context.Context, namespace string) ([]v1alpha1.Customer, error) {
		return f.customers(ctx, namespace, query)
	})
	if err != nil {
		return nil, err
	}
	if len(found) > 1 {
		return nil, ambiguous(query, found)
	}
	return &found[0], nil
}

// Event finds the event that a person means, by its Stripe id or its name.
func (f Finder) Event(ctx context.Context, text string) (*v1alpha1.BillingEvent, error) {
	query, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if query.Kind != EventID && query.Kind != Name {
		return nil, fmt.Errorf("%s is no event: use an event's id (evt_…) or the name of a BillingEvent", text)
	}
	found, err := search(ctx, f, query, "event", func(ctx context.Context, namespace string) ([]v1alpha1.BillingEvent, error) {
		if query.Kind == Name {
			return f.eventsNamed(ctx, namespace, query.Text)
		}
		return f.eventsWithID(ctx, namespace, query.Text)
	})
	if err != nil {
		return nil, err
	}
	return &found[0], nil
}

// Installation finds the namespace in which Tollkeeper runs: that of --namespace, else that of the leader's Lease, else
// one that has resources. It is DefaultNamespace if nothing is found.
func (f Finder) Installation(ctx context.Context) (string, error) {
	if f.Only {
		return f.Namespace, nil
	}
	if f.holdsCustomers(ctx, f.Namespace) {
		return f.Namespace, nil
	}
	var leases coordinationv1.LeaseList
	err := f.Reader.List(ctx, &leases, client.MatchingFields{"metadata.name": LeaseName})
	switch {
	case err == nil && len(leases.Items) > 1:
		var names []string
		for i := range leases.Items {
			names = append(names, leases.Items[i].Namespace)
		}
		return "", fmt.Errorf("tollkeeper is installed in several namespaces (%s): choose one with --namespace", strings.Join(names, ", "))
	case err == nil && len(leases.Items) == 1:
		return leases.Items[0].Namespace, nil
	case err != nil && !apierrors.IsForbidden(err):
		return "", fmt.Errorf("find the namespace of Tollkeeper: %w", err)
	}
	var customers v1alpha1.CustomerList
	if err := f.Reader.List(ctx, &customers, client.Limit(1)); err == nil && len(customers.Items) > 0 {
		return customers.Items[0].Namespace, nil
	}
	return DefaultNamespace, nil
}

func (f Finder) holdsCustomers(ctx context.Context, namespace string) bool {
	var customers v1alpha1.CustomerList
	err := f.Reader.List(ctx, &customers, client.InNamespace(namespace), client.Limit(1))
	return err == nil && len(customers.Items) > 0
}

// search looks in the namespace of --namespace. Without it, it looks in the kubeconfig's, then in all, and, if that is
// refused, in Tollkeeper's own. It returns at least one object, or an error.
func search[T any](
	ctx context.Context, f Finder, query Query, what string, in func(ctx context.Context, namespace string) ([]T, error),
) ([]T, error) {
	scopes := []string{f.Namespace, "", DefaultNamespace}
	switch {
	case f.Only:
		scopes = scopes[:1]
	case f.Namespace == DefaultNamespace:
		scopes = scopes[:2]
	}
	notFound := &NotFoundError{Query: query, What: what, Only: f.Only}
	refused := &RefusedError{}
	for _, scope := range scopes {
		if scope == DefaultNamespace && slices.Contains(notFound.Namespaces, "") {
			break // all namespaces were searched
		}
		found, err := in(ctx, scope)
		switch {
		case meta.IsNoMatchError(err) || apierrors.IsNotFound(err):
			return nil, fmt.Errorf("the cluster does not have Tollkeeper's resources: check --context, or install the CRDs with "+
				"`kubectl apply --server-side -k config/crd` (%w)", err)
		case apierrors.IsForbidden(err) && scope == "":
			notFound.Refused = true
			refused.Err = cmp.Or(refused.Err, err)
		case apierrors.IsForbidden(err):
			refused.Namespaces, refused.Err = append(refused.Namespaces, scope), err
		case err != nil:
			return nil, fmt.Errorf("look for the %s %s: %w", query.Kind, query.Text, err)
		case len(found) > 0:
			return found, nil
		default:
			notFound.Namespaces = append(notFound.Namespaces, scope)
		}
	}
	if len(notFound.Namespaces) == 0 {
		return nil, refused
	}
	return nil, notFound
}

// customers lists the customers of one namespace, or of all, that the query means.
func (f Finder) customers(ctx context.Context, namespace string, query Query) ([]v1alpha1.Customer, error) {
	switch query.Kind {
	case CustomerID:
		return f.listCustomers(ctx, namespace, client.MatchingFields{v1alpha1.FieldCustomerID: query.Text}, nil)
	case SubscriptionID:
		return f.ofSubscriptions(ctx, namespace, client.MatchingFields{"spec.subscriptionID": query.Text})
	case EventID:
		events, err := f.eventsWithID(ctx, namespace, query.Text)
		if err != nil {
			return nil, err
		}
		return f.ofEvents(ctx, events)
	case ChargeID:
		return f.ofPayment(ctx, namespace, client.MatchingFields{v1alpha1.FieldChargeID: query.Text})
	case IntentID:
		return f.ofPayment(ctx, namespace, client.MatchingFields{v1alpha1.FieldPaymentIntentID: query.Text})
	case Address:
		return f.listCustomers(ctx, namespace, nil, func(c *v1alpha1.Customer) bool {
			return strings.EqualFold(c.Status.Email, query.Text)
		})
	default:
		return f.named(ctx, namespace, query)
	}
}

// named finds the customer of this name, or the customer of the subscription, event or e-mail of this name.
func (f Finder) named(ctx context.Context, namespace string, query Query) ([]v1alpha1.Customer, error) {
	byName := client.MatchingFields{"metadata.name": query.Text}
	ways := map[string]func() ([]v1alpha1.Customer, error){
		"customer":     func() ([]v1alpha1.Customer, error) { return f.listCustomers(ctx, namespace, byName, nil) },
		"subscription": func() ([]v1alpha1.Customer, error) { return f.ofSubscriptions(ctx, namespace, byName) },
		"email":        func() ([]v1alpha1.Customer, error) { return f.ofEmails(ctx, namespace, byName) },
		"billingevent": func() ([]v1alpha1.Customer, error) {
			events, err := f.eventsNamed(ctx, namespace, query.Text)
			if err != nil {
				return nil, err
			}
			return f.ofEvents(ctx, events)
		},
	}
	if query.Resource != "" {
		return ways[query.Resource]()
	}
	for _, resource := range []string{"customer", "subscription", "billingevent", "email"} {
		if found, err := ways[resource](); err != nil || len(found) > 0 {
			return found, err
		}
	}
	// An id that a Stripe account chose by itself may look like a name.
	return f.listCustomers(ctx, namespace, client.MatchingFields{v1alpha1.FieldCustomerID: query.Text}, nil)
}

// listCustomers lists customers page by page, and keeps those that keep accepts; nil accepts all.
func (f Finder) listCustomers(
	ctx context.Context, namespace string, fields client.MatchingFields, keep func(*v1alpha1.Customer) bool,
) ([]v1alpha1.Customer, error) {
	var found []v1alpha1.Customer
	for next := ""; ; {
		var list v1alpha1.CustomerList
		options := []client.ListOption{client.InNamespace(namespace), client.Limit(page), client.Continue(next)}
		if fields != nil {
			options = append(options, fields)
		}
		if err := f.Reader.List(ctx, &list, options...); err != nil {
			return nil, err
		}
		for i := range list.Items {
			if keep == nil || keep(&list.Items[i]) {
				found = append(found, list.Items[i])
			}
		}
		if next = list.Continue; next == "" {
			return found, nil
		}
	}
}

func (f Finder) ofSubscriptions(ctx context.Context, namespace string, fields client.MatchingFields) ([]v1alpha1.Customer, error) {
	var list v1alpha1.SubscriptionList
	if err := f.Reader.List(ctx, &list, client.InNamespace(namespace), fields); err != nil {
		return nil, err
	}
	var keys []client.ObjectKey
	for i := range list.Items {
		keys = append(keys, keyOf(&list.Items[i], list.Items[i].Spec.CustomerRef))
	}
	return f.get(ctx, keys)
}

// keyOf is the key of the Customer that the object names.
func keyOf(o client.Object, customer v1alpha1.ObjectReference) client.ObjectKey {
	return client.ObjectKey{Namespace: o.GetNamespace(), Name: customer.Name}
}

func (f Finder) ofEmails(ctx context.Context, namespace string, fields client.MatchingFields) ([]v1alpha1.Customer, error) {
	var list v1alpha1.EmailList
	if err := f.Reader.List(ctx, &list, client.InNamespace(namespace), fields); err != nil {
		return nil, err
	}
	var keys []client.ObjectKey
	for i := range list.Items {
		keys = append(keys, keyOf(&list.Items[i], list.Items[i].Spec.CustomerRef))
	}
	return f.get(ctx, keys)
}

func (f Finder) ofPayment(ctx context.Context, namespace string, fields client.MatchingFields) ([]v1alpha1.Customer, error) {
	var list v1alpha1.BillingEventList
	if err := f.Reader.List(ctx, &list, client.InNamespace(namespace), fields); err != nil {
		return nil, err
	}
	return f.ofEvents(ctx, list.Items)
}

func (f Finder) ofEvents(ctx context.Context, events []v1alpha1.BillingEvent) ([]v1alpha1.Customer, error) {
	var keys []client.ObjectKey
	for i := range events {
		if id := events[i].CustomerID(); id != "" {
			keys = append(keys, client.ObjectKey{Namespace: events[i].Namespace, Name: naming.Object(events[i].Spec.Account, id)})
		}
	}
	return f.get(ctx, keys)
}

// get reads the customers of these names, each once. One that does not exist is left out.
func (f Finder) get(ctx context.Context, keys []client.ObjectKey) ([]v1alpha1.Customer, error) {
	var found []v1alpha1.Customer
	seen := map[client.ObjectKey]bool{}
	for _, key := range keys {
		if seen[key] {
			continue
		}
		seen[key] = true
		var customer v1alpha1.Customer
		switch err := f.Reader.Get(ctx, key, &customer); {
		case err == nil:
			found = append(found, customer)
		case !apierrors.IsNotFound(err):
			return nil, err
		}
	}
	return found, nil
}

func (f Finder) eventsNamed(ctx context.Context, namespace, name string) ([]v1alpha1.BillingEvent, error) {
	var list v1alpha1.BillingEventList
	err := f.Reader.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{"metadata.name": name})
	return list.Items, err
}

// eventsWithID finds an event by its Stripe id: by the name that it has in the platform's own account, else by the names
// that it would have in the connected accounts that have customers.
func (f Finder) eventsWithID(ctx context.Context, namespace, id string) ([]v1alpha1.BillingEvent, error) {
	found, err := f.eventsNamed(ctx, namespace, naming.Object("", id))
	if err != nil || len(found) > 0 {
		return found, err
	}
	accounts := map[string]bool{}
	_, err = f.listCustomers(ctx, namespace, nil, func(c *v1alpha1.Customer) bool {
		accounts[c.Spec.Account] = true
		return false
	})
	delete(accounts, "")
	for account := range accounts {
		if err != nil || len(found) > 0 {
			break
		}
		found, err = f.eventsNamed(ctx, namespace, naming.Object(account, id))
	}
	return found, err
}

func ambiguous(query Query, customers []v1alpha1.Customer) error {
	e := &AmbiguousError{Query: query}
	for i := range customers {
		c := &customers[i]
		entitled := "not decided"
		if condition := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionEntitled); condition != nil {
			entitled = string(condition.Status)
		}
		e.Candidates = append(e.Candidates, Candidate{
			Namespace: c.Namespace, Name: c.Name, ID: c.Spec.CustomerID, Account: c.Spec.Account, Entitled: entitled,
		})
	}
	return e
}
