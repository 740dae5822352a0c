package controller

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/mail"
)

// resetKeySecret holds the key that reset tokens are derived with, so that a message that is sent again carries the same link.
const (
	resetKeySecret = "tollkeeper-reset-key"
	resetKey       = "key"
	// resetKeyType is the Secret's type. A policy of the cluster holds the operator to it and to passwordreset.SecretType.
	resetKeyType corev1.SecretType = "billing.tollkeeper.dev/reset-key"
)

// Letter is what the messages are made of.
type Letter struct {
	Templates *mail.Templates
	// AppName is what the application is called.
	AppName string
	// Domain is the right-hand side of Message-Ids.
	Domain string
	// ResetURL is the page that the reset token is added to; empty if there is none.
	ResetURL string
	// ResetTTL is how long the link works.
	ResetTTL time.Duration
}

// waitError says what an Email has to wait for.
type waitError struct{ reason, message string }

func (e *waitError) Error() string { return e.message }

// compose makes the message, as its customer is now. The reset token's Secret is written before the token is sent.
func (r *EmailReconciler) compose(ctx context.Context, email *v1alpha1.Email) (mail.Message, error) {
	var customer v1alpha1.Customer
	key := client.ObjectKey{Namespace: email.Namespace, Name: email.Spec.CustomerRef.Name}
	switch err := r.Client.Get(ctx, key, &customer); {
	case apierrors.IsNotFound(err):
		return mail.Message{}, &waitError{v1alpha1.ReasonRecipientInvalid, "The customer is gone."}
	case err != nil:
		return mail.Message{}, err
	}
	to, err := mail.Recipient(customer.Status.Email, customer.Status.Name)
	if err != nil {
		return mail.Message{}, &waitError{v1alpha1.ReasonRecipientInvalid, sentence(err)}
	}
	data := mail.Data{AppName: r.Letter.AppName, Name: to.Name, ValidFor: inWords(r.Letter.ResetTTL)}
	if email.Spec.Purpose == v1alpha1.EmailPasswordReset {
		if data.ResetURL, err = r.resetLink(ctx, email, &customer); err != nil {
			return mail.Message{}, err
		}
	}
	message := mail.Message{ID: fmt.Sprintf("%s@%s", email.UID, r.Letter.Domain), To: to}
	message.Subject, message.Text, message.HTML, err = r.Letter.Templates.Render(email.Spec.Purpose, data)
	return message, err
}

// resetLink makes the link and writes what the application checks its token against.
func (r *EmailReconciler) resetLink(ctx context.Context, email *v1alpha1.Email, customer *v1alpha1.Customer) (string, error) {
	if r.Letter.ResetURL == "" {
		return "", &waitError{v1alpha1.ReasonNoResetURL, "Set PASSWORD_RESET_URL."}
	}
	link, err := url.Parse(r.Letter.ResetURL)
	if err != nil {
		return "", errors.New("PASSWORD_RESET_URL is not a URL")
	}
	key, err := r.resetKey(ctx, email.Namespace)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "password-reset\x00%s\x00%s", email.UID, customer.UID)
	token := passwordreset.NewToken(customer.Name, mac.Sum(nil))
	if err := r.keepToken(ctx, customer, token); err != nil {
		return "", err
	}
	query := link.Query()
	query.Set(passwordreset.QueryParameter, token)
	link.RawQuery = query.Encode()
	return link.String(), nil
}

// resetKey is the key that tokens are derived with, made when it is first needed.
func (r *EmailReconciler) resetKey(ctx context.Context, namespace string) ([]byte, error) {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: namespace, Name: resetKeySecret}
	err := r.Reader.Get(ctx, key, secret)
	if apierrors.IsNotFound(err) {
		fresh := make([]byte, sha256.Size)
		_, _ = rand.Read(fresh) // it never fails
		secret = &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: resetKeySecret},
			Type:       resetKeyType, Data: map[string][]byte{resetKey: fresh},
		}
		err = r.Client.Create(ctx, secret, client.DisableReadYourWritesConsistency)
		if apierrors.IsAlreadyExists(err) {
			err = r.Reader.Get(ctx, key, secret)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("get or create Secret %s: %w", resetKeySecret, err)
	}
	if len(secret.Data[resetKey]) < sha256.Size {
		return nil, fmt.Errorf("the Secret %s holds no key of %d bytes under %q: delete it, and a new one is made", resetKeySecret, sha256.Size, resetKey)
	}
	return secret.Data[resetKey], nil
}

// keepToken writes the customer's Secret: never the token itself. A token that was consumed stays so.
func (r *EmailReconciler) keepToken(ctx context.Context, customer *v1alpha1.Customer, token string) error {
	data := map[string][]byte{
		passwordreset.KeyHash:     []byte(passwordreset.Hash(token)),
		passwordreset.KeyExpires:  []byte(r.Clock.Now().Add(r.Letter.ResetTTL).UTC().Format(time.RFC3339)),
		passwordreset.KeyCustomer: []byte(customer.Spec.CustomerID),
	}
	secret := &corev1.Secret{Type: passwordreset.SecretType, ObjectMeta: metav1.ObjectMeta{
		Namespace: customer.Namespace, Name: passwordreset.SecretName(customer.Name), OwnerReferences: []metav1.OwnerReference{owner(customer)},
	}}
	err := r.Reader.Get(ctx, client.ObjectKeyFromObject(secret), secret)
	switch {
	case apierrors.IsNotFound(err):
		secret.Data = data
		err = r.Client.Create(ctx, secret, client.DisableReadYourWritesConsistency)
	case err == nil && len(secret.Data[passwordreset.KeyConsumed]) == 0:
		secret.Data = data
		err = r.Client.Update(ctx, secret, client.DisableReadYourWritesConsistency)
	}
	if err != nil {
		return fmt.Errorf("write Secret %s: %w", secret.Name, err)
	}
	return nil
}

// inWords is a duration as people say it.
func inWords(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if n := d / unit.length; n > 1 && d%unit.length == 0 {
			return fmt.Sprintf("%d %s", n, unit.name)
		}
	}
	return d.String()
}
