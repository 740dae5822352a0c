package v1alpha1

// Condition types.
const (
	// ConditionEntitled is on a Customer: True while the customer may use the service. Tenant controllers act on it.
	ConditionEntitled = "Entitled"
	// ConditionReady is on a Customer and a Subscription: True when the status shows all that is known (kstatus).
	ConditionReady = "Ready"
	// ConditionStalled is on a Customer and a Subscription: True if only a person can help, else absent (kstatus).
	ConditionStalled = "Stalled"
	// ConditionInSync is on a Customer and a Subscription: True when the status matches Stripe, as far as can be known.
	ConditionInSync = "InSync"
	// ConditionOverridden is on a Customer that has spec.override: True while the override runs, False once it has ended.
	ConditionOverridden = "Overridden"
	// ConditionErased is on a Customer whose erasure was requested: True when its personal data has left the cluster and the
	// archive.
	ConditionErased = "Erased"
	// ConditionProcessed is on a BillingEvent: True when its outcome is known.
	ConditionProcessed = "Processed"
	// ConditionSent is on an Email: True when Mailgun has accepted the message.
	ConditionSent = "Sent"
)

// Reasons of Entitled=True.
const (
	// ReasonSubscriptionActive: a subscription is active, or a paid invoice covers the present.
	ReasonSubscriptionActive = "SubscriptionActive"
	// ReasonTrialing: a subscription is in its trial.
	ReasonTrialing = "Trialing"
	// ReasonPurchased: a one-time purchase grants access, and no subscription is active or in its trial.
	ReasonPurchased = "Purchased"
	// ReasonGracePeriod: a payment failed and the grace period has not ended.
	ReasonGracePeriod = "GracePeriod"
	// ReasonOverrideGranted: spec.override grants access now, or spec.access is Granted. Overridden=True has it, too.
	ReasonOverrideGranted = "OverrideGranted"
)

// Reasons of Entitled=False.
const (
	// ReasonNoSubscription: the customer has no subscription, and no purchase grants access.
	ReasonNoSubscription = "NoSubscription"
	// ReasonAwaitingPayment: the first payment is missing, of a subscription or a purchase, or the next one after a full refund
	// with --on-refund=Suspend, or the one after a trial with --trial-leeway.
	ReasonAwaitingPayment = "AwaitingPayment"
	// ReasonPaymentFailed: a payment failed, and the grace period has ended or Stripe has stopped trying.
	ReasonPaymentFailed = "PaymentFailed"
	// ReasonSubscriptionEnded: the subscription was canceled, expired, or reached its scheduled end, or the customer was
	// deleted at Stripe.
	ReasonSubscriptionEnded = "SubscriptionEnded"
	// ReasonPaused: the subscription is paused, or its invoices are voided for now (pause_collection.behavior is void) and
	// what was paid for is over (see --on-void-pause).
	ReasonPaused = "Paused"
	// ReasonDisputed: a payment of the subscription or of the purchase is disputed, and --on-dispute is Suspend.
	ReasonDisputed = "Disputed"
	// ReasonOverrideDenied: spec.override denies access now, or spec.access is Denied. Overridden=True has it, too.
	ReasonOverrideDenied = "OverrideDenied"
)

// Reasons of Entitled=Unknown, Ready=Unknown and InSync=Unknown.
const (
	// ReasonStateNotKnown: not all of the customer's subscriptions are known yet, or Stripe has not reported what became of
	// one. Entitled has it only if no other one entitles the customer. Tenant controllers change nothing.
	ReasonStateNotKnown = "StateNotKnown"
)

// Reasons of Overridden=False.
const (
	// ReasonOverrideEnded: spec.override has ended, and has no effect.
	ReasonOverrideEnded = "OverrideEnded"
)

// Reasons of Erased.
const (
	// ReasonPersonalDataErased: nothing personal is left (status True).
	ReasonPersonalDataErased = "PersonalDataErased"
	// ReasonErasing: personal data is being taken out; the message says what that waits for (status False).
	ReasonErasing = "Erasing"
	// ReasonNotDeletedAtStripe: the customer is not known to be deleted at Stripe. A comparison, or an event, would bring its
	// personal data back: nothing is erased until it is deleted (status False).
	ReasonNotDeletedAtStripe = "NotDeletedAtStripe"
)

// Reasons of Ready and Stalled.
const (
	// ReasonUpToDate: the status shows every event that could be handled.
	ReasonUpToDate = "UpToDate"
	// ReasonAwaitingState: the object is known by name only; no event has reported its state yet.
	ReasonAwaitingState = "AwaitingState"
	// ReasonEventsWaiting: events about the customer could not be handled so far; they are tried again (status False).
	ReasonEventsWaiting = "EventsWaiting"
	// ReasonEventsFailed: events about the customer have failed; a person retries them once the cause is gone (status
	// False).
	ReasonEventsFailed = "EventsFailed"
	// ReasonWrongName: the object was made by hand under another name than the Stripe id's; it is not used (status
	// False).
	ReasonWrongName = "WrongName"
)

// Reasons of InSync.
const (
	// ReasonEventsAgree: the known events form an unbroken chain; nothing was read from Stripe.
	ReasonEventsAgree = "EventsAgree"
	// ReasonCompared: the status was compared with Stripe, and nothing differed.
	ReasonCompared = "Compared"
	// ReasonRepaired: the status differed from Stripe and was repaired; the message names the fields.
	ReasonRepaired = "Repaired"
	// ReasonEventsTie: events created in the same second disagree, so their order is unknown (status Unknown).
	ReasonEventsTie = "EventsTie"
	// ReasonEventsMissing: an event changed a state that no known event led to: one is missing (status Unknown).
	ReasonEventsMissing = "EventsMissing"
	// ReasonItemsMissing: Stripe sent the first items of the subscription only (status Unknown).
	ReasonItemsMissing = "ItemsMissing"
	// ReasonLinesMissing: Stripe sent the first lines of the newest paid invoice only (status Unknown).
	ReasonLinesMissing = "LinesMissing"
	// ReasonFeaturesCut: not all of the customer's features are known (status Unknown).
	ReasonFeaturesCut = "FeaturesCut"
	// ReasonFieldsUnreadable: fields of Stripe's object could not be read; the message names them (status Unknown).
	ReasonFieldsUnreadable = "FieldsUnreadable"
	// ReasonProductsNotKnown: what a product grants is not known, or in doubt; it is read from Stripe (status Unknown).
	ReasonProductsNotKnown = "ProductsNotKnown"
	// ReasonDiffers: Stripe had another state when it was read, and an event that is not older than the reading shows; the
	// message names the fields (status False).
	ReasonDiffers = "Differs"
	// ReasonStripeRefuses: the object is in doubt or a comparison was requested, and Stripe refuses the API key, the account
	// to the key, or what is to be read; the message says which (status Unknown). It is also a reason of Processed: what a thin
	// event reports is read again until the key may read it (status False).
	ReasonStripeRefuses = "StripeRefuses"
	// ReasonRefuted: Stripe refuted a final state that an event had reported; the object is read once more (status Unknown).
	ReasonRefuted = "Refuted"
	// ReasonNotInStripe: Stripe does not know the object (status False).
	ReasonNotInStripe = "NotInStripe"
	// ReasonCustomerDeleted: the customer was deleted at Stripe, which is final: Stripe is not asked about it any more.
	// It is also a reason of Sent: the message was not sent before, and will not be.
	ReasonCustomerDeleted = "CustomerDeleted"
)

// Reasons of Processed, beside the outcomes.
const (
	// ReasonAttemptFailed: the event could not be handled; it is tried again at status.retryAt (status False).
	ReasonAttemptFailed = "AttemptFailed"
	// ReasonWriteRejected: the API server refuses what the event changes (by a policy, or by CRDs of another version);
	// it is tried again until it is accepted (status False).
	ReasonWriteRejected = "WriteRejected"
	// ReasonStripeKeyMissing: what a thin event reports is read from Stripe, and waits until STRIPE_SECRET_KEY is set (status
	// False).
	ReasonStripeKeyMissing = "StripeKeyMissing"
)

// Reasons of Sent.
const (
	// ReasonAccepted: Mailgun accepted the message.
	ReasonAccepted = "Accepted"
	// ReasonMailgunNotConfigured: the e-mail waits until the MAILGUN_… variables are set.
	ReasonMailgunNotConfigured = "MailgunNotConfigured"
	// ReasonEmailsOff: e-mails are turned off (--emails=false), or those of the customer's connected account are
	// (--connected-emails, --accounts); the e-mail waits until they are turned on.
	ReasonEmailsOff = "EmailsOff"
	// ReasonNoResetURL: the e-mail waits until PASSWORD_RESET_URL is set.
	ReasonNoResetURL = "PasswordResetURLNotSet"
	// ReasonRecipientInvalid: the e-mail waits until the customer has exactly one valid e-mail address.
	ReasonRecipientInvalid = "RecipientInvalid"
	// ReasonRecipientLimited: the address has had as many messages in 24 hours as it may (--mails-per-address); the e-mail
	// waits until it may have another one.
	ReasonRecipientLimited = "RecipientLimited"
	// ReasonSignupNotConfirmed: Stripe does not know the sign-up's checkout session, or has it for another customer, or it is
	// not complete or not paid; the e-mail waits until that changes.
	ReasonSignupNotConfirmed = "SignupNotConfirmed"
	// ReasonSending: an attempt to send the message is in progress.
	ReasonSending = "Sending"
	// ReasonRetrying: the message could not be composed, or Mailgun did not accept it; it is tried again later.
	ReasonRetrying = "Retrying"
	// ReasonOutcomeUnknown: Mailgun's answer is missing or unclear (5xx); its log is searched for the message.
	ReasonOutcomeUnknown = "OutcomeUnknown"
	// ReasonExpired: the message was not sent before spec.sendBefore, and will not be.
	ReasonExpired = "Expired"
	// ReasonRejected: Mailgun rejected the message for good.
	ReasonRejected = "Rejected"
)
