#include <array>
#include <utility>
#include <vector>

#include "attributes.hpp"
#include "bind.hpp"
#include "convert.hpp"
#include "publisher.hpp"
#include "reading.hpp"

namespace tow::python {
namespace {

/// Up to so many bytes are lent from the Python object, and copied once when they are published:
/// what may travel in a slot is copied anyway.
constexpr std::size_t kMaxOwnBytes = 240;

/// The memory of a loan, in the publisher's pool or its own. What a loan's arrays keep alive, so
/// that they read no memory that is gone, whatever became of loan and publisher.
struct LoanMemory {
  LoanMemory(Ref<PublisherFamily> of, tow_loan* lent, std::size_t size)
      : family(std::move(of)), loan(lent), is_own(lent == nullptr), bytes(size) {
    family->pin();
    data = is_own ? own.data() : tow_loan_data(loan);
  }
  LoanMemory(const LoanMemory&) = delete;
  ~LoanMemory() {
    give_back();
    family->unpin();
  }
  /// Gives the loan back, if it is one still.
  void give_back() {
    if (loan == nullptr) return;
    family->free_part_of<tow_loan, tow_loan_return>(std::exchange(loan, nullptr));
  }

  Ref<PublisherFamily> family;
  tow_loan* loan;     ///< null: its own memory, ended, or in the hands of who publishes it
  const bool is_own;  ///< lent by this object, not by C
  std::size_t bytes;
  void* data;
  alignas(16) std::array<std::byte, kMaxOwnBytes> own{};
};

/// Memory that is written before it is published.
struct Loan {
  explicit Loan(nb::object lent_memory)
      : memory(std::move(lent_memory)), at(nb::inst_ptr<LoanMemory>(memory)) {}

  Loan(const Loan&) = delete;
  ~Loan() {
    if (closed()) return;
    at->give_back();
    try {
      end();
    } catch (nb::python_error& error) {
      error.discard_as_unraisable("the end of a loan");
    }
  }

  /// Raises ValueError when it was published or given back, RuntimeError in a forked child. The
  /// result stays until the GIL is given up; who needs it longer keeps `memory`.
  LoanMemory& get() const {
    const nb::object kept = memory;  // another thread may end it while this one waits its turn
    if (kept.is_valid()) at->family->begin();
    if (closed()) raise(PyExc_ValueError, "this loan was published or given back");
    return *at;
  }
  void end();
  bool closed() const { return !memory.is_valid(); }
  /// Unlike publish() it never refuses: what is left of views shows memory that nobody gets.
  void close() {
    if (closed()) return;
    check_unviewed();
    at->give_back();
    end();
  }
  void check_unviewed() const {
    if (views != 0) {
      raise(PyExc_BufferError, "this loan cannot end while there are memoryviews of it");
    }
  }

  nb::object memory;  ///< null: ended
  LoanMemory* at;
  Py_ssize_t views = 0;
  std::vector<nb::object> arrays;  ///< weak references to those that can write
};

/// Its arrays cannot write any more: what they show is the readers' now.
void Loan::end() {
  memory.reset();
  for (const nb::object& reference : std::exchange(arrays, {})) {
    const nb::object array = reference();
    if (!array.is_none()) array.attr("setflags")(nb::arg("write") = false);
  }
}

int export_memory(PyObject* self, const LoanMemory& memory, Py_buffer* view, int flags) {
  return PyBuffer_FillInfo(view, self, memory.data, static_cast<Py_ssize_t>(memory.bytes), 0,
                           flags);
}

int get_memory_buffer(PyObject* self, Py_buffer* view, int flags) {
  view->obj = nullptr;
  return guarded(-1, [&] { return export_memory(self, object_of<LoanMemory>(self), view, flags); });
}

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  view->obj = nullptr;
  return guarded(-1, [&] {
    Loan& loan = object_of<Loan>(self);
    const int done = export_memory(self, loan.get(), view, flags);
    if (done == 0) ++loan.views;
    return done;
  });
}

void release_buffer(PyObject* self, Py_buffer*) { --nb::inst_ptr<Loan>(self)->views; }

Py_ssize_t length(PyObject* self) {
  return guarded(Py_ssize_t{-1},
                 [&] { return static_cast<Py_ssize_t>(object_of<Loan>(self).get().bytes); });
}

nb::object array(Loan& self, nb::handle dtype, nb::handle shape) {
  const ValueType* const type = self.get().family->type.get();
  const nb::object kept = self.memory;
  const nb::object made = array_of(kept, type, dtype, nb::none());
  const nb::object shaped = shape.is_none() ? made : made.attr("reshape")(shape);
  const nb::object reference = nb::module_::import_("weakref").attr("ref");
  for (const nb::object& one : {made, shaped}) self.arrays.push_back(reference(one));
  if (self.closed()) self.end();  // by another thread meanwhile
  return shaped;
}

/// Publishes the first `size` bytes. While this waits, what another thread closes is not this loan.
void publish_memory(LoanMemory& memory, std::size_t size, const tow_attributes* attributes) {
  PublisherFamily& family = *memory.family;
  if (memory.is_own) {
    family.publish([&] { return tow_publish(family.handle, memory.data, size, attributes); });
    return;
  }
  tow_loan* const loan = std::exchange(memory.loan, nullptr);
  if (loan == nullptr) raise(PyExc_ValueError, "another thread is publishing this loan");
  try {
    family.publish([&] { return tow_loan_publish(loan, size, attributes); });
  } catch (...) {
    memory.loan = loan;
    throw;
  }
}

void publish(Loan& self, nb::handle bytes, const nb::kwargs& named) {
  Attributes attributes;
  attributes.take_all("publish", named);
  const bool whole = bytes.is_none();
  std::size_t size = whole ? 0 : unsigned_of(bytes.ptr(), "bytes");
  LoanMemory& memory = self.get();
  const nb::object kept = self.memory;
  if (whole) size = memory.bytes;
  if (size > memory.bytes) {
    raise(PyExc_ValueError, "this loan has %zu bytes, and not %zu to publish", memory.bytes, size);
  }
  self.check_unviewed();
  publish_memory(memory, size, attributes.get());
  self.end();
}

/// How many bytes Publisher.loan() shall lend.
std::size_t size_of(const ValueType* type, nb::handle bytes, nb::handle dtype, nb::handle shape) {
  if (!bytes.is_none()) {
    if (!dtype.is_none() || !shape.is_none()) {
      raise(PyExc_TypeError, "a loan is of so many bytes, or of a dtype and a shape");
    }
    return unsigned_of(bytes.ptr(), "bytes");
  }
  if (dtype.is_none() && shape.is_none()) {
    if (type != nullptr) return type->bytes();
    raise(PyExc_TypeError, "how much to lend? say bytes=, or dtype= and shape=");
  }
  std::size_t item = 1;
  if (!dtype.is_none()) {
    item = nb::cast<std::size_t>(numpy("dtype")(dtype).attr("itemsize"));
  } else if (type != nullptr) {
    item = type->bytes();
  }
  if (shape.is_none()) return item;
  const nb::object of_shape =
      PyIndex_Check(shape.ptr()) != 0 ? nb::make_tuple(shape) : nb::borrow(shape);
  return item * nb::cast<std::size_t>(nb::module_::import_("math").attr("prod")(of_shape));
}

const PyType_Slot kMemorySlots[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(get_memory_buffer)},
                                    {0, nullptr}};

const PyType_Slot kSlots[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
                              {Py_bf_releasebuffer, reinterpret_cast<void*>(release_buffer)},
                              {Py_mp_length, reinterpret_cast<void*>(length)},
                              {0, nullptr}};

}  // namespace

nb::object lend(Publisher& self, nb::handle bytes, nb::handle dtype, nb::handle shape) {
  PublisherFamily& family = *self;
  family.begin();
  const ValueType* const type = family.type.get();
  const std::size_t size = size_of(type, bytes, dtype, shape);
  if (type != nullptr && size != type->bytes()) {
    raise(error_class(TOW_TYPE_MISMATCH),
          "this topic carries values of %zu bytes, and not loans of %zu", type->bytes(), size);
  }
  tow_loan* lent = nullptr;
  if (size > kMaxOwnBytes) {
    family.publish([&] { return tow_loan_take(family.handle, size, &lent); });
  }
  return make<Loan>(make<LoanMemory>(self.ref(), lent, size));
}

void bind_loan(nb::module_& module) {
  nb::class_<LoanMemory>(module, "_LoanMemory", nb::type_slots(kMemorySlots),
                         "What the arrays of a loan keep alive.");
  nb::class_<Loan> loan(
      module, "Loan", nb::type_slots(kSlots),
      "Memory for one message, made by Publisher.loan(): a writable buffer. Publish it or give it "
      "back; leaving a `with` block gives back what was not published. On its publisher's turn, "
      "from any thread.");
  loan.def("array", &array, nb::arg("dtype") = nb::none(), nb::arg("shape") = nb::none(),
           nb::sig("def array(self, dtype: object = None, shape: object = None) -> numpy.ndarray"),
           "The memory as an array that writes in place. `dtype`: None for the topic's, or bytes; "
           "`shape`: None for one dimension. It becomes read-only when the loan is published or "
           "given back; slices made of it before do not: write to none of them afterwards. A "
           "publisher that is closed keeps its place in the topic while such arrays live. Raises "
           "ImportError without NumPy.")
      .def("publish", &publish, nb::arg("bytes") = nb::none(), nb::arg("attributes"),
           nb::sig("def publish(self, bytes: int | None = None, **attributes: Unpack[Attributes])"
                   " -> None"),
           "Publishes it, or its first `bytes`. After an error it may be published again. Raises "
           "BufferError while there are memoryviews of it, else as Publisher.publish().");
  bind_closing(loan);
}

}  // namespace tow::python
