#include "attributes.hpp"
#include "handles.hpp"

using namespace tow::c;

tow_code tow_loan_take(tow_publisher* publisher, size_t bytes, tow_loan** loan) {
  if (const tow_code fault =
          need({{publisher, "the publisher"}, {loan, "the pointer to the loan"}})) {
    return fault;
  }
  return guarded([&] {
    auto lent = publisher->publisher.loan(bytes);
    if (lent) *loan = new tow_loan{Kept(publisher), std::move(*lent)};
    return code_of(lent);
  });
}

void* tow_loan_data(tow_loan* loan) {
  if (loan == nullptr) return (void)null_argument("the loan"), nullptr;
  return loan->loan.bytes().data();
}

size_t tow_loan_bytes(const tow_loan* loan) {
  if (loan == nullptr) return (void)null_argument("the loan"), size_t{0};
  return const_cast<tow_loan*>(loan)->loan.bytes().size();  // only asks
}

tow_code tow_loan_publish(tow_loan* loan, size_t bytes, const tow_attributes* attributes) {
  if (loan == nullptr) return null_argument("the loan");
  if (bytes > loan->loan.bytes().size()) {
    return fail(TOW_INVALID_ARGUMENT,
                "more bytes than tow_loan_bytes() says cannot be published from a loan");
  }
  return guarded([&] {
    tow::Attributes asked;
    if (const tow_code fault = read(attributes, asked)) return fault;
    loan->loan.shrink(bytes);
    tow::Publisher<>& to = loan->publisher->publisher;
    const auto done = attributes == nullptr ? to.publish(std::move(loan->loan))
                                            : to.publish(std::move(loan->loan), asked);
    if (done) delete loan;
    return code_of(done);
  });
}

void tow_loan_return(tow_loan* loan) { delete loan; }
