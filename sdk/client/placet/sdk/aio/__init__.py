"""The methods of the asynchronous client, one module an area; `placet.sdk.client` puts them together."""
