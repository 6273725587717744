/* The demo's shop: tells what people do, and asks for the slots again once the product knows. */
window.cdp = window.cdp || [];
const cart = [], count = document.getElementById("count"), buy = document.getElementById("buy");
const told = (...call) => (Array.isArray(cdp) ? cdp.push(call) : cdp[call[0]](...call.slice(1)));
// Memberships that slots ask for are at most two seconds old.
const again = () => [800, 2600, 6000].forEach((wait) => setTimeout(() => cdp.slots && cdp.slots(), wait));
const show = () => {
  count.textContent = cart.length ? ` ${cart.length} ${cart.length == 1 ? "thing" : "things"}` : "";
  buy.disabled = !cart.length;
};
document.querySelectorAll("[data-good]").forEach((button) => button.addEventListener("click", () => {
  const { good, name, department, price } = button.dataset;
  cart.push({ product_id: good, name, category: department, price: Number(price), quantity: 1 });
  told("track", "Product Added", cart.at(-1));
  told("track", "Cart Updated", { products: cart });
  show();
  again();
}));
buy.addEventListener("click", () => {
  const revenue = cart.reduce((sum, one) => sum + one.price, 0);
  told("track", "Order Completed", { order_id: crypto.randomUUID(), revenue, currency: "USD", products: cart.splice(0) });
  show();
  again();
});
document.getElementById("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const user = document.getElementById("user").value.trim();
  if (!user) return;
  told("identify", user);
  document.getElementById("whom").textContent = `You are ${user}.`;
  again();
});
