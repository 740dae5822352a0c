package v1alpha1

// Condition types.
const (
	// ConditionEntitled is on a Customer: whether the customer may use the service now. Tenant controllers act on it.
	ConditionEntitled = "Entitled"
	// ConditionReady says that the status shows all that is known (kstatus).
	ConditionReady = "Ready"
	// ConditionInSync is on a Customer and a Subscription: whether the status is what Stripe has, as far as can be known.
	ConditionInSync = "InSync"
	// ConditionProcessed is on a BillingEvent: whether its outcome is known.
	ConditionProcessed = "Processed"
	// ConditionSent is on an Email: whether the mail provider accepted the message.
	ConditionSent = "Sent"
)

// Reasons of Entitled=True.
const (
	// ReasonSubscriptionActive: a subscription is active, or paid for while its status is not known.
	ReasonSubscriptionActive = "SubscriptionActive"
	// ReasonTrialing: a subscription is in its trial.
	ReasonTrialing = "Trialing"
	// ReasonGracePeriod: a payment failed, and the grace period runs.
	ReasonGracePeriod = "GracePeriod"
	// ReasonOverrideGranted: a person set spec.access to Granted.
	ReasonOverrideGranted = "OverrideGranted"
)

// Reasons of Entitled=False.
const (
	// ReasonNoSubscription: the customer has none.
	ReasonNoSubscription = "NoSubscription"
	// ReasonAwaitingPayment: the first payment, or the one after a trial or a full refund, has not been made.
	ReasonAwaitingPayment = "AwaitingPayment"
	// ReasonPaymentFailed: a payment failed, and the grace period is over or Stripe has given up.
	ReasonPaymentFailed = "PaymentFailed"
	// ReasonSubscriptionEnded: the subscription was canceled, expired, or reached its scheduled end.
	ReasonSubscriptionEnded = "SubscriptionEnded"
	// ReasonPaused: the subscription is paused, or its invoices are voided for a while.
	ReasonPaused = "Paused"
	// ReasonDisputed: a payment is disputed, and the policy is to suspend.
	ReasonDisputed = "Disputed"
	// ReasonOverrideDenied: a person set spec.access to Denied.
	ReasonOverrideDenied = "OverrideDenied"
)

// Reasons of Ready.
const (
	// ReasonUpToDate: every event that could be used is in the status.
	ReasonUpToDate = "UpToDate"
	// ReasonAwaitingState: the object is known by name only; no event with its state has come yet.
	ReasonAwaitingState = "AwaitingState"
)

// Reasons of InSync.
const (
	// ReasonEventsAgree: every known event follows on another; Stripe was not asked.
	ReasonEventsAgree = "EventsAgree"
	// ReasonCompared: Stripe was asked, and had the same.
	ReasonCompared = "Compared"
	// ReasonRepaired: Stripe was asked and had something else, which is shown now; the message names the fields.
	ReasonRepaired = "Repaired"
	// ReasonEventsTie: several events of one second tell different states, and nothing says which came last (status Unknown).
	ReasonEventsTie = "EventsTie"
	// ReasonEventsMissing: an event follows on a state that no known event has told (status Unknown).
	ReasonEventsMissing = "EventsMissing"
	// ReasonNotInStripe: Stripe was asked and does not know the object (status False).
	ReasonNotInStripe = "NotInStripe"
)

// Reasons of Processed, beside the outcomes.
const (
	// ReasonAttemptFailed: the event could not be handled; it is tried again at status.retryAt (status False).
	ReasonAttemptFailed = "AttemptFailed"
	// ReasonWriteRejected: the API server refuses what the event changes, by a policy of the cluster or the CRDs of another version; it is tried again until it is accepted (status False).
	ReasonWriteRejected = "WriteRejected"
)

// Reasons of Sent.
const (
	// ReasonAccepted: Mailgun accepted the message.
	ReasonAccepted = "Accepted"
	// ReasonMailgunNotConfigured: the e-mail waits until the MAILGUN_… variables are set.
	ReasonMailgunNotConfigured = "MailgunNotConfigured"
	// ReasonEmailsOff: e-mails are turned off (--emails=false); the e-mail waits until they are turned on.
	ReasonEmailsOff = "EmailsOff"
	// ReasonNoResetURL: the e-mail waits until PASSWORD_RESET_URL is set.
	ReasonNoResetURL = "PasswordResetURLNotSet"
	// ReasonRecipientInvalid: the customer has no address yet, or not exactly one valid one; the e-mail waits until it has.
	ReasonRecipientInvalid = "RecipientInvalid"
	// ReasonSending: an attempt is under way.
	ReasonSending = "Sending"
	// ReasonRetrying: the message could not be made, or Mailgun did not take it; it is tried again later.
	ReasonRetrying = "Retrying"
	// ReasonOutcomeUnknown: no answer came, or one that leaves it open (5xx); Mailgun's log is asked whether it has the message.
	ReasonOutcomeUnknown = "OutcomeUnknown"
	// ReasonRejected: Mailgun refused the message for good.
	ReasonRejected = "Rejected"
)
