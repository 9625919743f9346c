//! iceoryx2 behind the C interface that `iceoryx2.h` describes.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt::Debug;
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::time::Duration;

use iceoryx2::node::Node;
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::port::update_connections::UpdateConnections;
use iceoryx2::prelude::*;
use iceoryx2::sample::Sample;
use iceoryx2::sample_mut_uninit::SampleMutUninit;
use iceoryx2::service::port_factory::{event, publish_subscribe};

type Ipc = ipc::Service;
type Words = [u64];

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Limits {
    words: usize,
    buffer: usize,
    publishers: usize,
    subscribers: usize,
}

/// Fields are dropped from the first to the last, and so is each thing before what it came from.
pub struct PublisherPort {
    lent: Option<SampleMutUninit<Ipc, [MaybeUninit<u64>], ()>>,
    publisher: Publisher<Ipc, Words, ()>,
    words: usize,
    _service: publish_subscribe::PortFactory<Ipc, Words, ()>,
    _node: Node<Ipc>,
}

pub struct SubscriberPort {
    taken: Option<Sample<Ipc, Words, ()>>,
    subscriber: Subscriber<Ipc, Words, ()>,
    _service: publish_subscribe::PortFactory<Ipc, Words, ()>,
    _node: Node<Ipc>,
}

pub struct NotifierPort {
    notifier: Notifier<Ipc>,
    _service: event::PortFactory<Ipc>,
    _node: Node<Ipc>,
}

pub struct ListenerPort {
    listener: Listener<Ipc>,
    _service: event::PortFactory<Ipc>,
    _node: Node<Ipc>,
}

thread_local! {
    static ERROR: RefCell<CString> = RefCell::default();
}

#[unsafe(no_mangle)]
pub extern "C" fn ice_error() -> *const c_char {
    ERROR.with_borrow(|text| text.as_ptr())
}

/// Keeps the error for ice_error() and gives `failed` in its place.
fn or_failed<T>(result: Result<T, String>, failed: T) -> T {
    result.unwrap_or_else(|error| {
        ERROR.set(CString::new(format!("iceoryx2: {error}")).unwrap_or_default());
        failed
    })
}

fn said<T, E: Debug>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| format!("{error:?}"))
}

fn boxed<T>(made: Result<T, String>) -> *mut T {
    or_failed(made.map(|object| Box::into_raw(Box::new(object))), null_mut())
}

unsafe fn remove<T>(object: *mut T) {
    drop(unsafe { Box::from_raw(object) });
}

unsafe fn name_of(text: *const c_char) -> Result<ServiceName, String> {
    said(said(unsafe { CStr::from_ptr(text) }.to_str())?.try_into())
}

fn make_node() -> Result<Node<Ipc>, String> {
    set_log_level(LogLevel::Error);
    let builder = NodeBuilder::new().signal_handling_mode(SignalHandlingMode::Disabled);
    said(builder.create::<Ipc>())
}

/// Nothing is ever lost: a full subscriber makes its publishers wait.
unsafe fn open(
    node: &Node<Ipc>,
    name: *const c_char,
    limits: Limits,
) -> Result<publish_subscribe::PortFactory<Ipc, Words, ()>, String> {
    let processes = limits.publishers + limits.subscribers;
    let builder = node.service_builder(&unsafe { name_of(name) }?);
    let service = builder
        .publish_subscribe::<Words>()
        .enable_safe_overflow(false)
        .history_size(0)
        .subscriber_max_buffer_size(limits.buffer)
        .max_publishers(limits.publishers)
        .max_subscribers(limits.subscribers)
        .max_nodes(processes);
    said(service.open_or_create())
}

unsafe fn make_publisher(name: *const c_char, limits: Limits) -> Result<PublisherPort, String> {
    let node = make_node()?;
    let service = unsafe { open(&node, name, limits) }?;
    let builder = service
        .publisher_builder()
        .initial_max_slice_len(limits.words)
        .allocation_strategy(AllocationStrategy::Static)
        .max_loaned_samples(1)
        .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered);
    let publisher = said(builder.create())?;
    Ok(PublisherPort {
        lent: None,
        publisher,
        words: limits.words,
        _service: service,
        _node: node,
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ice_publisher_create(
    name: *const c_char,
    limits: Limits,
) -> *mut PublisherPort {
    boxed(unsafe { make_publisher(name, limits) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ice_publisher_remove(port: *mut PublisherPort) {
    unsafe { remove(port) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ice_publisher_connect(port: *mut PublisherPort) -> c_int {
    let port = unsafe { &*port };
    or_failed(said(port.publisher.update_connections()).map(|()| 0), -1)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ice_loan(port: *mut PublisherPort) -> *mut c_void {
    let port = unsafe { &mut *port };
    let lent = said(port.publisher.loan_slice_uninit(port.words));
    let memory = lent.map(|sample| port.lent.insert(sample).payload_mut().as_mut_ptr().cast());
    or_failed(memory, null_mut())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ice_send(port: *mut PublisherPort) -> c_int {
    let port = unsafe { &mut *port };
    let sent = port.lent.take().ok_or("nothing was lent".to_string());
    let sent = sent.and_then(|sample| said(unsafe { sample.assume_init() }.send()));
    or_failed(sent.map(|receivers| receivers as c_int), -1)
}

unsafe fn make_subscriber(name: *const c_char, limits: Limits) -> Result<SubscriberPort, String> {
    let node = make_node()?;
    let service = unsafe { open(&node, name, limits) }?;
    let subscriber = said(service.subscriber_builder().buffer_size(limits.buffer).create())?;
    Ok(SubscriberPort {
        taken: None,
        subscriber,
        _service: service,
        _node: node,
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ice_subscriber_create(
    name: *const c_char,
    limits: Limits,
) -> *mut SubscriberPort {
    boxed(unsafe { make_subscriber(name, limits) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ice_subscriber_remove(port: *mut SubscriberPort) {
    unsafe { remove(port) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ice_receive(
    port: *mut SubscriberPort,
    message: *mut *const c_void,
) -> c_int {
    let port = unsafe { &mut *port };
    match port.subscriber.receive() {
        Ok(None) => 0,
        Ok(Some(sample)) => {
            unsafe { *message = port.taken.insert(sample).payload().as_ptr().cast() };
            1
        }
        Err(error) => or_failed(Err(format!("{error:?}")), -1),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ice_release(port: *mut SubscriberPort) {
    unsafe { &mut *port }.taken = None;
}

unsafe fn open_events(name: *const c_char) -> Result<(event::PortFactory<Ipc>, Node<Ipc>), String> {
    let node = make_node()?;
    let builder = node.service_builder(&unsafe { name_of(name) }?);
    Ok((said(builder.event().open_or_create())?, node))
}

unsafe fn make_notifier(name: *const c_char) -> Result<NotifierPort, String> {
    let (service, node) = unsafe { open_events(name) }?;
    let notifier = said(service.notifier_builder().create())?;
    Ok(NotifierPort { notifier, _service: service, _node: node })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ice_notifier_create(name: *const c_char) -> *mut NotifierPort {
    boxed(unsafe { make_notifier(name) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ice_notifier_remove(port: *mut NotifierPort) {
    unsafe { remove(port) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ice_notify(port: *mut NotifierPort) -> c_int {
    let notified = said(unsafe { &*port }.notifier.notify());
    or_failed(notified.map(|listeners| listeners as c_int), -1)
}

unsafe fn make_listener(name: *const c_char) -> Result<ListenerPort, String> {
    let (service, node) = unsafe { open_events(name) }?;
    let listener = said(service.listener_builder().create())?;
    Ok(ListenerPort { listener, _service: service, _node: node })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ice_listener_create(name: *const c_char) -> *mut ListenerPort {
    boxed(unsafe { make_listener(name) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ice_listener_remove(port: *mut ListenerPort) {
    unsafe { remove(port) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ice_wait(port: *mut ListenerPort, seconds: u32) -> c_int {
    let timeout = Duration::from_secs(seconds.into());
    let woken = said(unsafe { &*port }.listener.timed_wait(|_| {}, timeout));
    or_failed(woken.map(|notifications| c_int::from(notifications != 0)), -1)
}
