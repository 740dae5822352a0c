package email

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/condition"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/mail"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// retryInterval is the time between two attempts to read what Stripe or Mailgun's log does not give.
const retryInterval = time.Minute

// eventsPage is how many recorded events are read at a time.
const eventsPage = 500

// Stripe is what the controller reads from Stripe's API.
type Stripe interface {
	// Customer reads a customer.
	Customer(ctx context.Context, account, id string) (stripeapi.Reading, error)
	// CheckoutSession reads a checkout session.
	CheckoutSession(ctx context.Context, account, id string) (stripeapi.Reading, error)
}

// blockedError is what keeps a message from being sent: the reason and message of the condition Sent.
type blockedError struct{ reason, message string }

func (e *blockedError) Error() string { return e.message }

// unavailableError reports that Stripe or Mailgun's log does not answer.
type unavailableError struct {
	message    string // of the condition Sent. It is the same each time, so that the status comes to rest.
	cause      error
	retryAfter time.Duration
}

func (e *unavailableError) Error() string { return e.message }

func invalidRecipient(message string) error {
	return &blockedError{v1alpha1.ReasonRecipientInvalid, message}
}

func notConfirmed(message string) error {
	return &blockedError{v1alpha1.ReasonSignupNotConfirmed, message}
}

// recipient returns the only address that the message may go to. With a key, it is the address of Stripe's customer,
// and Stripe confirms the sign-up. Without a key, it is the address of the checkout itself, and never one that another
// event set.
//
// For example, the endpoint's secret has leaked. With it, customer.updated sets a victim's address to
// mallory@example.com, and a checkout is made up for the victim. With a key nothing is sent: Stripe does not know the
// session. Without a key, the link of a true sign-up goes to no other address than the one that was entered in its checkout.
func (r *Reconciler) recipient(ctx context.Context, email *storedEmail) (netmail.Address, error) {
	switch {
	case email.customer == nil:
		return netmail.Address{}, invalidRecipient("The Customer was deleted.")
	case email.Name != naming.Email(email.customer.Name, email.Spec.Purpose):
		return netmail.Address{}, &blockedError{
			v1alpha1.ReasonWrongName,
			"The operator does not send this e-mail: it must be named " + naming.Email(email.customer.Name, email.Spec.Purpose) + ".",
		}
	case email.sessionID() == "":
		return netmail.Address{}, invalidRecipient("The customer's sign-up is not known yet.")
	case email.Spec.Purpose == v1alpha1.EmailPasswordReset && r.Letter().ResetURL == "":
		return netmail.Address{}, &blockedError{
			v1alpha1.ReasonNoResetURL, "The page for new passwords is not configured: set PASSWORD_RESET_URL.",
		}
	}
	address, name := "", email.customer.Status.Name
	var err error
	if r.Stripe != nil {
		address, name, err = r.addressAtStripe(ctx, email)
	} else {
		address, err = r.addressOfCheckout(ctx, email)
	}
	if err != nil {
		return netmail.Address{}, err
	}
	to, err := mail.Recipient(address, name)
	if err != nil {
		return netmail.Address{}, invalidRecipient(condition.Sentence(err))
	}
	return to, nil
}

// addressAtStripe returns address and name of the customer at Stripe, if Stripe confirms that it signed up by the
// session.
func (r *Reconciler) addressAtStripe(ctx context.Context, email *storedEmail) (address, name string, err error) {
	identity := email.customer.Spec
	reading, err := r.Stripe.CheckoutSession(ctx, identity.Account, email.sessionID())
	session := reading.Object
	switch {
	case errors.Is(err, stripeapi.ErrNotFound):
		return "", "", notConfirmed("Stripe does not know the checkout session of the sign-up.")
	case err != nil:
		return "", "", unavailableStripe(err)
	case session.ID("id") != email.sessionID() || !slices.Contains([]string{session.ID("customer"), session.ID("customer_account")}, identity.CustomerID):
		return "", "", notConfirmed("At Stripe, the checkout session of the sign-up belongs to another customer.")
	case session.Word("status") != "complete":
		return "", "", notConfirmed("At Stripe, the checkout session of the sign-up is not complete.")
	case session.Word("mode") == "setup" || session.Word("payment_status") == "unpaid":
		return "", "", notConfirmed("At Stripe, the checkout session of the sign-up is not paid.")
	case isUnpaid(session.Word("subscription.status")):
		return "", "", notConfirmed("At Stripe, the subscription of the sign-up is not paid.")
	}
	reading, err = r.Stripe.Customer(ctx, identity.Account, identity.CustomerID)
	switch {
	case errors.Is(err, stripeapi.ErrNotFound), err == nil && reading.Object.Bool("deleted"):
		return "", "", notConfirmed("Stripe does not know the customer, or has deleted it.")
	case err != nil:
		return "", "", unavailableStripe(err)
	}
	record := stripejson.Customer(reading.Object, "")
	return record.Email, record.Name, nil
}

// isUnpaid reports whether a subscription in the status was never paid, or is not any more. Its sign-up mails nobody: it
// costs nothing to make one with the address of another person.
func isUnpaid(status string) bool {
	switch status {
	case projection.StatusIncomplete, projection.StatusIncompleteExpired, projection.StatusUnpaid:
		return true
	default:
		return false
	}
}

func unavailableStripe(err error) error {
	wait, _ := stripeapi.RetryAfter(err)
	return &unavailableError{
		"Stripe cannot be asked about the sign-up: the operator's log says why. It is asked again in a minute.",
		err, max(wait, retryInterval),
	}
}

// addressOfCheckout returns the address in the events of the sign-up's session. If one of them was made up and names
// another address, none is known. A link goes to it only while the customer has it: otherwise the customer's address was
// changed, or an event that changes it was made up. Old versions of Stripe's API name none: then a message without a link
// goes to the customer's address.
func (r *Reconciler) addressOfCheckout(ctx context.Context, email *storedEmail) (string, error) {
	events, err := r.eventsOfCheckout(ctx, email)
	if err != nil {
		return "", err
	}
	address := ""
	for _, e := range events {
		switch {
		case e.Checkout.Email == "":
		case address == "" || strings.EqualFold(address, e.Checkout.Email):
			address = e.Checkout.Email
		default:
			return "", invalidRecipient("The events of the sign-up's checkout session name different addresses.")
		}
	}
	for _, e := range events {
		if err := r.checkPaid(ctx, email.customer, e.SubscriptionID); err != nil {
			return "", err
		}
	}
	isLink := email.Spec.Purpose == v1alpha1.EmailPasswordReset
	switch {
	case address != "" && isLink && !strings.EqualFold(address, email.customer.Status.Email):
		return "", invalidRecipient("The customer's e-mail address is another one than the checkout's. Without a Stripe key it is not known " +
			"which one is right, and no link goes to either.")
	case address != "":
		return address, nil
	case isLink:
		return "", invalidRecipient("The checkout names no e-mail address. Without a Stripe key, a link goes to no other one.")
	default:
		return email.customer.Status.Email, nil
	}
}

// checkPaid fails if the subscription of a sign-up is known to be unpaid. A checkout without a subscription has none.
func (r *Reconciler) checkPaid(ctx context.Context, customer *v1alpha1.Customer, subscriptionID string) error {
	if subscriptionID == "" {
		return nil
	}
	var s v1alpha1.Subscription
	key := client.ObjectKey{Namespace: customer.Namespace, Name: naming.Object(customer.Spec.Account, subscriptionID)}
	switch err := r.Client.Get(ctx, key, &s); {
	case client.IgnoreNotFound(err) != nil:
		return fmt.Errorf("get Subscription %s of the sign-up: %w", key.Name, err)
	case err == nil && isUnpaid(s.Status.Status):
		return notConfirmed("The subscription of the sign-up is not paid.")
	}
	return nil
}

// eventsOfCheckout are the events of the sign-up's session. While no event about the customer has ended, as most often when a sign-up has
// just come, they are pending, and the cache has them. Else they are searched for: the API server looks at every event for that.
//
// The search finds what the cache does not have: events that have ended, and those that the customer's controller does not take, such as
// one of Stripe's other mode, or one that names an Account and is not linked to the customer yet. Of these, without a search:
//
//	the customer is an Account (Accounts v2)      the events are searched for, whatever has ended
//	it is not known yet to be one                 no search would look for the Account's events either
//	an event of the other mode, not ended yet     it counts for an e-mail that is tried later
//
// The same holds for an event that something else than the customer's controller ends at this moment, such as a leader that is stopped.
func (r *Reconciler) eventsOfCheckout(ctx context.Context, email *storedEmail) ([]*v1alpha1.BillingEventSpec, error) {
	customer := email.customer
	pending := &v1alpha1.BillingEventList{}
	if err := r.Client.List(ctx, pending, client.InNamespace(email.Namespace), client.MatchingFields{routing.ByCustomer: customer.Name}); err != nil {
		return nil, fmt.Errorf("list the pending events of Customer %s: %w", customer.Name, err)
	}
	isAccount := customer.Status.CustomerAccount != ""
	if found := email.ofSession(pending); len(found) > 0 && !isAccount && !r.mayHaveEnded(customer) {
		return found, nil
	}
	return r.searchEventsOfCheckout(ctx, email)
}

// mayHaveEnded reports whether events about the customer may have ended. Ask after listing the pending ones: an event that the list
// lacks was noted before.
func (r *Reconciler) mayHaveEnded(customer *v1alpha1.Customer) bool {
	return r.Ended.MayHave(customer.Spec.Account, customer.Spec.CustomerID)
}

// searchEventsOfCheckout looks at all events for those of the sign-up's session. One that names the customer and its Account is found by
// both searches, and counts once.
func (r *Reconciler) searchEventsOfCheckout(ctx context.Context, email *storedEmail) ([]*v1alpha1.BillingEventSpec, error) {
	selectors := []client.MatchingFields{{v1alpha1.FieldCustomerID: email.customer.Spec.CustomerID}}
	if account := email.customer.Status.CustomerAccount; account != "" { // some events may name the Account only
		selectors = append(selectors, client.MatchingFields{v1alpha1.FieldCustomerAccount: account})
	}
	var found []*v1alpha1.BillingEventSpec
	isFound := map[string]bool{}
	for _, selector := range selectors {
		for next := ""; ; {
			page := &v1alpha1.BillingEventList{} // a new one: what is found points into the last one
			if err := r.Reader.List(ctx, page, client.InNamespace(email.Namespace), client.Limit(eventsPage), client.Continue(next), selector); err != nil {
				return nil, fmt.Errorf("list the events of the sign-up: %w", err)
			}
			for _, e := range email.ofSession(page) {
				if !isFound[e.EventID] {
					isFound[e.EventID], found = true, append(found, e)
				}
			}
			if next = page.Continue; next == "" {
				break
			}
		}
	}
	return found, nil
}

// ofSession are those of the events that report the sign-up's session.
func (e *storedEmail) ofSession(list *v1alpha1.BillingEventList) (found []*v1alpha1.BillingEventSpec) {
	for i := range list.Items {
		about := list.Items[i].Content()
		if about.ObjectID == e.sessionID() && about.Account == e.customer.Spec.Account && about.Checkout != nil {
			found = append(found, about)
		}
	}
	return found
}
